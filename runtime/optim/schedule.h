#ifndef PERDURE_RUNTIME_OPTIM_SCHEDULE_H_
#define PERDURE_RUNTIME_OPTIM_SCHEDULE_H_

#include <cstdint>

#include "runtime/config/optim.pb.h"

namespace perdure {

// The learning rate of a step (from 1): linear warm-up over warmup_steps (step
// s gets lr * s / warmup_steps), then the schedule. `config` is resolved. Pure.
double LearningRate(const OptimConfig& config, int64_t step);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_OPTIM_SCHEDULE_H_
