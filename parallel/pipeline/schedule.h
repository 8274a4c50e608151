#ifndef PERDURE_PARALLEL_PIPELINE_SCHEDULE_H_
#define PERDURE_PARALLEL_PIPELINE_SCHEDULE_H_

// Pipeline schedules as data: what a stage does, in order. Pure functions of
// (stages, stage, micro-batches).

#include <string>
#include <vector>

namespace perdure {

enum class ActionKind {
  kReceiveForward,  // activations from the stage before
  kForward,
  kSendForward,      // to the stage behind
  kReceiveBackward,  // gradients from the stage behind
  kBackward,
  kSendBackward,  // to the stage before
};

struct Action {
  ActionKind kind;
  int micro_batch;
  friend bool operator==(const Action&, const Action&) = default;
};
using Schedule = std::vector<Action>;

// All forward passes, then all backward passes (Huang et al. 2019). Keeps every
// micro-batch's activations.
Schedule GPipeSchedule(int stages, int stage, int micro_batches);
// One forward, one backward (PipeDream-flush, Narayanan et al. 2021): the same
// bubble, activations of at most `stages - stage` micro-batches.
Schedule OneForwardOneBackwardSchedule(int stages, int stage,
                                       int micro_batches);
Schedule ForwardOnlySchedule(int stages, int stage, int micro_batches);

// Micro-batches whose activations are alive at once.
int MaxInFlight(const Schedule& schedule);
// "F0 F1 B0 F2 B1 B2": computation only.
std::string ScheduleToString(const Schedule& schedule);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_PIPELINE_SCHEDULE_H_
