#ifndef PERDURE_RUNTIME_STATE_STEP_RECORD_H_
#define PERDURE_RUNTIME_STATE_STEP_RECORD_H_

// What is known of a finished step; the same on all ranks.

#include <cstdint>
#include <optional>
#include <vector>

namespace perdure {

struct StepRecord {
  int64_t step = 0;  // from 1
  // Mean over the step's tokens, before its update. Zeroth-order: the mean over
  // directions of (loss_plus + loss_minus) / 2, or the clean loss where there
  // is one.
  double loss = 0;
  int64_t tokens = 0;       // predictions that counted
  int64_t samples_end = 0;  // data cursor after the step: samples consumed
  double learning_rate = 0;
  // Global, before clipping. Zeroth-order: the root mean square of
  // projected_grad.
  double grad_norm = 0;
  bool skipped = false;  // bad step: no update was made
  double seconds = 0;    // wall time

  // Zeroth-order steps only, one entry a direction; ONE_SIDED has no
  // loss_minus.
  std::vector<double> loss_plus, loss_minus, projected_grad;
  // Running ratio of |g| to its standard error over the batch's sequences:
  // about 1 is noise, well above 1 a direction that the data agrees on.
  double signal_to_noise = 0;
  // What the update of theta depends on besides constants of the run; a skipped
  // step has no coefficients.
  std::vector<float> coefficients;  // [K], multiply z_k
  float decay = 1;                  // multiplies parameters that decay
  // RunState's after the step.
  float grad_squared = 0, error_squared = 0;
  // Payload of this rank in this step: losses that it contributed across dp and
  // pertp; what it sent across pp and tp.
  int64_t loss_bytes = 0, pp_bytes = 0, tp_bytes = 0;
  bool zeroth_order() const { return !loss_plus.empty(); }
};

// What an evaluation found.
struct EvaluationRecord {
  int64_t step = 0;
  double loss = 0;
  std::optional<double> accuracy;  // of classifications
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_STATE_STEP_RECORD_H_
