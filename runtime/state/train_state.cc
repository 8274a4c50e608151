#include "runtime/state/train_state.h"

#include <cmath>

namespace perdure {

void Advance(const StepRecord& record, RunState* run) {
  run->step = record.step;
  run->samples = record.samples_end;
  run->tokens += record.tokens;
  run->grad_squared = record.grad_squared;
  run->error_squared = record.error_squared;
  if (record.skipped) {
    ++run->bad_steps;
    return;
  }
  ++run->updates;
  run->bad_steps = 0;
  run->loss_mean = run->loss_mean == 0
                       ? record.loss
                       : 0.95 * run->loss_mean + 0.05 * record.loss;
}

double SignalToNoise(const RunState& run) {
  if (run.error_squared <= 0) return 0;
  return std::sqrt(static_cast<double>(run.grad_squared) / run.error_squared);
}

const char* StateKindName(StateKind kind) {
  switch (kind) {
    case StateKind::kWeight:
      return "weight";
    case StateKind::kMaster:
      return "master";
    case StateKind::kMoment1:
      return "exp_avg";
    case StateKind::kMoment2:
      return "exp_avg_sq";
  }
  return "?";
}

}  // namespace perdure
