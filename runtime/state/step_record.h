#ifndef PERDURE_RUNTIME_STATE_STEP_RECORD_H_
#define PERDURE_RUNTIME_STATE_STEP_RECORD_H_

// What is known of a finished step; the same on all ranks.

#include <cstdint>

namespace perdure {

struct StepRecord {
  int64_t step = 0;         // from 1
  double loss = 0;          // mean over the step's tokens, before its update
  int64_t tokens = 0;       // predictions that counted
  int64_t samples_end = 0;  // data cursor after the step: samples consumed
  double learning_rate = 0;
  double grad_norm = 0;  // global, before clipping
  bool skipped = false;  // bad step: no update was made
  double seconds = 0;    // wall time
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_STATE_STEP_RECORD_H_
