#include "parallel/engine/step_outcome.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace perdure {

std::string JudgeLoss(const TrainConfig& config, const BatchLoss& loss,
                      const RunState& run) {
  if (loss.weight_sum <= 0) return "no token of the batch counts";
  if (!std::isfinite(loss.loss_sum)) return "the loss is not finite";
  const double spike = config.spike_factor();
  if (spike > 0 && run.loss_mean > 0 && loss.mean() > spike * run.loss_mean) {
    return absl::StrCat("the loss ", loss.mean(), " is more than ", spike,
                        " times its running mean ", run.loss_mean);
  }
  return "";
}

absl::Status CheckBadStep(const TrainConfig& config, const StepRecord& record,
                          absl::string_view reason, const RunState& run) {
  const bool stop = config.bad_step() == TrainConfig::STOP;
  const int64_t bad_steps = run.bad_steps + 1;
  if (!stop && bad_steps < config.max_bad_steps()) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat(
      "step ", record.step, " (samples ", run.samples, " to ",
      record.samples_end - 1, "): ", reason,
      stop ? " and train.bad_step is STOP"
           : absl::StrCat(", bad step ", bad_steps, " in a row"),
      "; lower optim.lr or raise optim.warmup_steps, check the data, and "
      "resume from the last snapshot"));
}

void FinishStep(std::chrono::steady_clock::time_point start, StepRecord* record,
                RunState* run) {
  Advance(*record, run);
  record->seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
}

}  // namespace perdure
