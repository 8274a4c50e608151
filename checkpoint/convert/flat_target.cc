#include "checkpoint/convert/flat_target.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/rule_sets.h"
#include "checkpoint/format/tensor_index.h"

namespace perdure {

std::vector<SourceTensor> AsSource(
    const std::vector<ConvertedTensor>& tensors) {
  std::vector<SourceTensor> source;
  for (const ConvertedTensor& tensor : tensors) {
    source.push_back(ReadableTensor(tensor.name, tensor.tensor));
    source.back().kind = tensor.kind;
  }
  return source;
}

absl::StatusOr<FlatTarget> MakeFlatTarget(
    absl::string_view to, absl::string_view dtype, const ModelConfig& model,
    const std::vector<ConvertedTensor>& canonical) {
  const bool llmc = to == "llmc";
  if (!llmc && dtype == "bf16") {
    return absl::InvalidArgumentError("--dtype bf16: llama2.c has fp32 only");
  }
  const bool narrow =
      dtype == "bf16" ||
      (dtype.empty() && std::all_of(canonical.begin(), canonical.end(),
                                    [](const ConvertedTensor& tensor) {
                                      return tensor.tensor->dtype() ==
                                             DType::kBF16;
                                    }));
  FlatTarget target;
  ASSIGN_OR_RETURN(target.format,
                   llmc ? LlmcFormat(model, narrow ? DType::kBF16 : DType::kF32)
                        : Llama2cFormat(model));
  ASSIGN_OR_RETURN(const ConversionRules rules, LoadRules(to));
  // Parts of one tensor must agree in dtype before they are joined.
  std::vector<ConvertedTensor> even = canonical;
  for (ConvertedTensor& tensor : even) {
    tensor.tensor = Cast(tensor.tensor, target.format.tensors[0].dtype);
  }
  ASSIGN_OR_RETURN(
      const RuleResult made,
      ApplyRules(rules, Direction::kToTheirs, AsSource(even), &model, to));
  std::map<std::string, LazyRef> by_name;
  for (const ConvertedTensor& tensor : made.tensors) {
    by_name[tensor.name] = tensor.tensor;
  }
  if (!llmc) {
    by_name["freq_cos"] = RotaryTable(model, /*sine=*/false);
    by_name["freq_sin"] = RotaryTable(model, /*sine=*/true);
  }
  for (const TensorShape& wanted : target.format.tensors) {
    const LazyRef& found = by_name[wanted.name];
    if (found == nullptr || found->shape() != wanted.shape) {
      return absl::InternalError(absl::StrCat(
          to, ": tensor ", wanted.name, " of ", ShapeText(wanted.shape),
          " does not come out of its rules"));
    }
    target.tensors.push_back(
        {wanted.name, StateKind::kWeight, found, /*flat=*/false});
  }
  return target;
}

}  // namespace perdure
