#include "checkpoint/replay/initial_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/hugging_face.h"
#include "runtime/nn/initial_values.h"

namespace perdure {

absl::StatusOr<std::unique_ptr<InitialState>> InitialState::Open(
    const RunConfig& config) {
  const ModelConfig& model = config.model();
  if (model.has_prefix() &&
      model.prefix().init() == PrefixConfig::ACTIVATIONS) {
    return absl::FailedPreconditionError(
        "the run's initial prefix was made of activations of the model; start "
        "from a snapshot");
  }
  std::unique_ptr<InitialState> state(new InitialState());
  state->seed_ = config.train().seed();
  state->description_ = absl::StrCat("random, seed ", state->seed_);
  std::vector<std::string> stored;
  if (model.has_init_from()) {
    ASSIGN_OR_RETURN(ModelSource source, OpenModelSource(model.init_from()));
    state->source_ = std::move(source.source);
    state->description_ = source.directory;
    stored = state->source_->Names(StateKind::kWeight);
  }
  for (const ParamSpec& spec : ModelParams(model)) {
    const bool adapter = IsAdapter(spec.role);
    if (state->source_ != nullptr &&
        (!adapter ||
         std::binary_search(stored.begin(), stored.end(), spec.name))) {
      continue;
    }
    if (spec.alias_of.empty()) state->from_seed_[spec.name] = spec;
  }
  return state;
}

std::vector<std::string> InitialState::Names(StateKind kind) const {
  if (kind != StateKind::kWeight) return {};
  std::vector<std::string> names;
  if (source_ != nullptr) names = source_->Names(kind);
  for (const auto& [name, spec] : from_seed_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status InitialState::Read(const std::vector<StateRequest>& requests) {
  for (const StateRequest& request : requests) {
    const auto found = from_seed_.find(request.tensor);
    if (found == from_seed_.end()) {
      if (source_ == nullptr) {
        return absl::NotFoundError(
            absl::StrCat("the model has no parameter ", request.tensor));
      }
      RETURN_IF_ERROR(source_->Read({request}));
      continue;
    }
    for (const ShardRun& run : request.runs) {
      std::vector<float> values(static_cast<size_t>(run.length));
      InitialValues(found->second, seed_, run.global_offset, run.length,
                    values.data());
      char* to = static_cast<char*>(request.base) +
                 run.local_offset * SizeOf(request.dtype);
      ConvertElements(DType::kF32, values.data(), request.dtype, to,
                      run.length);
    }
  }
  return absl::OkStatus();
}

}  // namespace perdure
