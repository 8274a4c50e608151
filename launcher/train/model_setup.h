#ifndef PERDURE_LAUNCHER_TRAIN_MODEL_SETUP_H_
#define PERDURE_LAUNCHER_TRAIN_MODEL_SETUP_H_

// From flags to a resolved, checked configuration, and the source of the
// initial weights if there is one.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/convert/hugging_face.h"
#include "launcher/train/trainer_flags.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/run.pb.h"
#include "runtime/state/train_state.h"

namespace perdure {

// The config file with its overrides, as written: nothing resolved. All
// problems in one InvalidArgument.
absl::StatusOr<RunConfig> ReadRunConfig(const TrainerFlags& flags);

// `config` with its model replaced by `source`'s: fields that both give must
// agree (dropout and initialisation are the config's own).
absl::StatusOr<RunConfig> TakeModel(const RunConfig& config,
                                    const ModelConfig& source);

// Opens model.init_from; rank 0 finds out which directory it is (the newest
// snapshot of a run), all ranks open that one. Collective.
absl::StatusOr<ModelSource> OpenInitialModel(Communicator& world,
                                             const std::string& path);

// Whether the model has adapters: model.lora or model.prefix.
bool HasAdapters(const ModelConfig& model);
// Those of the requests for `model`'s weights that a source of the model
// `source` can meet: adapters that it lacks are left out, nothing else.
std::vector<StateRequest> RequestsFrom(const ModelConfig& source,
                                       const ModelConfig& model,
                                       std::vector<StateRequest> requests);

// Resolved and checked, also against the topology.
absl::StatusOr<RunConfig> FinishConfig(const RunConfig& config,
                                       const Topology& topology,
                                       bool for_training);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_MODEL_SETUP_H_
