#ifndef PERDURE_RUNTIME_METRICS_METRICS_LOG_H_
#define PERDURE_RUNTIME_METRICS_METRICS_LOG_H_

// The machine-readable history of a run: metrics.jsonl (one object a step, full
// precision) and TensorBoard event files. Written by one rank.

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/base/status.h"
#include "runtime/state/step_record.h"

namespace perdure {

class MetricsLog {
 public:
  // Opens <run_dir>/metrics.jsonl and <run_dir>/tensorboard/. With resume_step
  // >= 0, lines of later steps are cut away first (and a torn last line), and a
  // new event file voids the older ones from there on. With resume_step < 0
  // there must be no metrics.jsonl yet. Of the `finished` steps, those that
  // have no line (the process ended before it was written) get theirs. With
  // `evaluates` the evaluation after resume_step, made again, loses its line.
  static absl::StatusOr<std::unique_ptr<MetricsLog>> Open(
      absl::string_view run_dir, int64_t resume_step,
      absl::Span<const StepRecord> finished = {}, bool evaluates = false);
  virtual ~MetricsLog() = default;
  // {"step":1,"loss":..,"tokens":..,"seconds":..,"lr":..,"grad_norm":..} and
  // "skipped":true for a bad step. Zeroth-order steps have instead of grad_norm
  // "loss_plus", "loss_minus", "projected_grad" (arrays where there are several
  // directions) and "signal_to_noise".
  virtual absl::Status Step(const StepRecord& record) = 0;
  // {"step":100,"val_loss":..,"val_accuracy":..}
  virtual absl::Status Evaluation(const EvaluationRecord& record) = 0;
  // {"step":55,"left_out":[440,455]}: the run is back at that step and will do
  // without these samples.
  virtual absl::Status LeftOut(int64_t step, int64_t first, int64_t last) = 0;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_METRICS_METRICS_LOG_H_
