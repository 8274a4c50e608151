#include "checkpoint/snapshot/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/format/tensor_index.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

// Every difference between the tensors and the model's parameters.
absl::Status CheckAgainstModel(const std::vector<PlannedTensor>& tensors,
                               const std::vector<ParamSpec>& specs) {
  std::map<std::string, const ParamSpec*> missing;
  std::map<std::string, const ParamSpec*> stored;
  for (const ParamSpec& spec : specs) {
    if (!spec.alias_of.empty()) continue;
    missing.emplace(spec.name, &spec);
    stored.emplace(spec.name, &spec);
  }
  std::vector<std::string> problems;
  for (const PlannedTensor& planned : tensors) {
    const TensorShape& tensor = planned.tensor;
    const auto spec = stored.find(tensor.name);
    if (spec == stored.end()) {
      problems.push_back(absl::StrCat(StateKindName(planned.kind), " ",
                                      tensor.name, " is no parameter"));
    } else if (spec->second->shape != tensor.shape) {
      problems.push_back(absl::StrCat(
          StateKindName(planned.kind), " ", tensor.name, " is ",
          ShapeText(tensor.shape), ", not ", ShapeText(spec->second->shape)));
    }
    if (planned.kind == StateKind::kWeight) missing.erase(tensor.name);
  }
  for (const auto& [name, spec] : missing) {
    problems.push_back(absl::StrCat("weight ", name, " comes from no rank"));
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the state does not fit the model: ",
                                          absl::StrJoin(problems, "; ")));
}

// 1-D parameters may be fp32 beside 16-bit matrices.
std::string TorchDtype(const std::vector<TensorShape>& weights) {
  const auto any = [&](DType dtype) {
    return std::any_of(
        weights.begin(), weights.end(),
        [&](const TensorShape& weight) { return weight.dtype == dtype; });
  };
  return any(DType::kBF16)  ? "bfloat16"
         : any(DType::kF16) ? "float16"
                            : "float32";
}

}  // namespace

absl::StatusOr<SnapshotPlan> MakePlan(std::vector<PlannedTensor> tensors,
                                      const ModelConfig& model) {
  const std::vector<ParamSpec> specs = ModelParams(model);
  RETURN_IF_ERROR(CheckAgainstModel(tensors, specs));
  SnapshotPlan plan;
  plan.tensors = std::move(tensors);
  std::vector<TensorShape> weights;
  for (const PlannedTensor& planned : plan.tensors) {
    if (planned.kind == StateKind::kWeight) {
      weights.push_back(planned.tensor);
    } else {
      plan.datasets.push_back({absl::StrCat("/", StateKindName(planned.kind),
                                            "/", planned.tensor.name),
                               planned.tensor.dtype, planned.tensor.shape});
    }
  }
  plan.weights = weights.size();
  for (const ParamSpec& spec : specs) {
    if (spec.alias_of.empty()) continue;
    plan.aliases.push_back({spec.name, spec.alias_of, spec.shape});
  }
  plan.layout = LayOutSafetensors(weights);
  plan.offsets = plan.layout.offsets;
  plan.offsets.resize(plan.tensors.size());
  plan.torch_dtype = TorchDtype(weights);
  return plan;
}

}  // namespace perdure
