#include "launcher/train/model_setup.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/train/session.h"
#include "runtime/config/config.h"
#include "runtime/nn/param_spec.h"

namespace perdure {

absl::StatusOr<RunConfig> ReadRunConfig(const TrainerFlags& flags) {
  RunConfig config;
  if (!flags.config.empty()) {
    ASSIGN_OR_RETURN(config, LoadConfig(flags.config));
  }
  RETURN_IF_ERROR(ApplyOverrides(flags.overrides, &config));
  return config;
}

absl::StatusOr<RunConfig> TakeModel(const RunConfig& config,
                                    const ModelConfig& source) {
  RunConfig taken = config;
  ASSIGN_OR_RETURN(*taken.mutable_model(),
                   CompleteModelConfig(config.model(), source));
  return taken;
}

absl::StatusOr<ModelSource> OpenInitialModel(Communicator& world,
                                             const std::string& path) {
  ASSIGN_OR_RETURN(const std::string directory,
                   OnRankZero(world, [&]() -> absl::StatusOr<std::string> {
                     ASSIGN_OR_RETURN(const ModelSource source,
                                      OpenModelSource(path));
                     return source.directory;
                   }));
  return OpenModelSource(directory);
}

bool HasAdapters(const ModelConfig& model) {
  return model.has_lora() || model.has_prefix();
}

std::vector<StateRequest> RequestsFrom(const ModelConfig& source,
                                       const ModelConfig& model,
                                       std::vector<StateRequest> requests) {
  if (HasAdapters(source)) return requests;
  std::set<std::string> adapters;
  for (const ParamSpec& spec : ModelParams(model)) {
    if (IsAdapter(spec.role)) adapters.insert(spec.name);
  }
  std::erase_if(requests, [&](const StateRequest& request) {
    return adapters.contains(request.tensor);
  });
  return requests;
}

absl::StatusOr<RunConfig> FinishConfig(const RunConfig& config,
                                       const Topology& topology,
                                       bool for_training) {
  RETURN_IF_ERROR(CheckConfig(config, for_training));
  const RunConfig resolved = ResolveConfig(config);
  const std::vector<std::string> problems =
      CheckModelTopology(resolved.model(), topology);
  if (!problems.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
  }
  return resolved;
}

}  // namespace perdure
