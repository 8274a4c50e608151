#ifndef PERDURE_PARALLEL_ENGINE_STEP_OUTCOME_H_
#define PERDURE_PARALLEL_ENGINE_STEP_OUTCOME_H_

// What both engines do after a step: judge it (TrainConfig.bad_step,
// spike_factor, max_bad_steps) and count it. The same verdict on all ranks.

#include <chrono>
#include <string>

#include "parallel/engine/loss_reducer.h"
#include "runtime/config/train.pb.h"
#include "runtime/state/step_record.h"
#include "runtime/state/train_state.h"

namespace perdure {

// Why the loss makes the step bad; "" for a good one.
std::string JudgeLoss(const TrainConfig& config, const BatchLoss& loss,
                      const RunState& run);
// OutOfRange if the run is to stop at this bad step.
absl::Status CheckBadStep(const TrainConfig& config, const StepRecord& record,
                          absl::string_view reason, const RunState& run);
// The run has the step behind it (see Advance), which began at `start`.
void FinishStep(std::chrono::steady_clock::time_point start, StepRecord* record,
                RunState* run);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_STEP_OUTCOME_H_
