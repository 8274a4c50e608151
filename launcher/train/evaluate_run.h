#ifndef PERDURE_LAUNCHER_TRAIN_EVALUATE_RUN_H_
#define PERDURE_LAUNCHER_TRAIN_EVALUATE_RUN_H_

#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// Collective. The loss and perplexity of the model at model.init_from on the
// validation data, printed by rank 0 and returned.
absl::StatusOr<double> EvaluateRun(Communicator& world,
                                   const RunConfig& config);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_EVALUATE_RUN_H_
