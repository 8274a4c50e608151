#ifndef PERDURE_LAUNCHER_TRAIN_MAKE_ENGINE_H_
#define PERDURE_LAUNCHER_TRAIN_MAKE_ENGINE_H_

#include <memory>

#include "parallel/engine/train_engine.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// Collective. The engine that train.method names; arguments as its own Create
// takes them.
absl::StatusOr<std::unique_ptr<TrainEngine>> MakeEngine(
    const RunConfig& config, int64_t max_rows, const ProcessGroups* groups,
    Device* device, Trace* trace);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_MAKE_ENGINE_H_
