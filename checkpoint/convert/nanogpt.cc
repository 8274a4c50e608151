#include "checkpoint/convert/nanogpt.h"

#include <optional>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/config/config.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

std::optional<int64_t> Argument(const TensorSource& source,
                                const std::string& name) {
  const auto found = source.scalars.find("model_args." + name);
  if (found == source.scalars.end()) return std::nullopt;
  const auto* number = std::get_if<int64_t>(&found->second);
  if (number == nullptr || *number < 0 || *number > INT32_MAX) {
    return std::nullopt;
  }
  return *number;
}

}  // namespace

bool IsNanoGpt(const TensorSource& source) {
  return source.scalars.contains("model_args.n_layer");
}

bool LacksNanoGptBiases(const TensorSource& source) {
  return Argument(source, "bias") == 0;
}

absl::StatusOr<ModelConfig> NanoGptModel(const TensorSource& source) {
  ModelConfig model;
  model.set_family("gpt2");
  model.set_activation("gelu");  // torch.nn.GELU()
  const std::pair<const char*, void (ModelConfig::*)(int32_t)> fields[] = {
      {"n_layer", &ModelConfig::set_layers},
      {"n_head", &ModelConfig::set_heads},
      {"n_embd", &ModelConfig::set_hidden},
      {"block_size", &ModelConfig::set_context},
      {"vocab_size", &ModelConfig::set_vocab_size}};
  for (const auto& [name, set] : fields) {
    const std::optional<int64_t> value = Argument(source, name);
    if (!value.has_value() || *value == 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          source.description, ": model_args.", name, " is no positive number"));
    }
    (model.*set)(static_cast<int32_t>(*value));
  }
  if (model.hidden() % model.heads() != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        source.description, ": model_args.n_head = ", model.heads(),
        " does not divide n_embd = ", model.hidden()));
  }
  return ResolveModelConfig(model);
}

std::string AddNanoGptBiases(const ModelConfig& model,
                             std::vector<ConvertedTensor>* tensors) {
  std::set<std::string> there;
  for (const ConvertedTensor& tensor : *tensors) there.insert(tensor.name);
  size_t added = 0;
  for (const ParamSpec& spec : ModelParams(model)) {
    if (!absl::EndsWith(spec.name, ".bias") || there.contains(spec.name)) {
      continue;
    }
    tensors->push_back(
        {spec.name, StateKind::kWeight, Zeros(DType::kF32, spec.shape), false});
    ++added;
  }
  return absl::StrCat("model_args.bias = False: ", added,
                      " biases, which models of the gpt2 family have, are "
                      "zeros");
}

}  // namespace perdure
