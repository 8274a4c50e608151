#include "runtime/metrics/progress.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

constexpr int kBarWidth = 30;

std::string Milliseconds(double seconds) {
  const double ms = seconds * 1e3;
  return ms < 10 ? absl::StrFormat("%.1f ms", ms)
                 : absl::StrFormat("%.0f ms", ms);
}

// Of a zeroth-order step the losses of its first direction: whoever sees them
// differ knows that the perturbation reaches the loss.
std::string Gradient(const StepRecord& record) {
  if (!record.zeroth_order())
    return absl::StrFormat("|g| %.3g", record.grad_norm);
  std::string text = absl::StrFormat("L+ %.5f", record.loss_plus[0]);
  if (!record.loss_minus.empty()) {
    absl::StrAppendFormat(&text, "  L- %.5f", record.loss_minus[0]);
  }
  absl::StrAppendFormat(&text, "  g %.3g  snr %.2f", record.projected_grad[0],
                        record.signal_to_noise);
  return text;
}

}  // namespace

Progress::Progress(const ProgressOptions& options) : options_(options) {}

Progress::~Progress() { ClearBar(); }

void Progress::Step(const StepRecord& record, uint64_t memory_bytes) {
  // The first step of a process allocates and compiles kernels: until a second
  // one is done it is all there is, then it is forgotten.
  if (!warmed_up_ || timed_steps_ == 0) {
    timed_seconds_ = 0;
    timed_tokens_ = 0;
  }
  if (warmed_up_) ++timed_steps_;
  warmed_up_ = true;
  timed_seconds_ += record.seconds;
  timed_tokens_ += record.tokens;
  const int64_t left = options_.total_steps - record.step;
  eta_seconds_ = left * timed_seconds_ / std::max<int64_t>(timed_steps_, 1);

  const bool edge =
      record.step == options_.first_step + 1 || left <= 0 || record.skipped;
  if (edge || record.step % std::max(options_.log_every, 1) == 0) {
    Note(Line(record, memory_bytes));
  }
  if (options_.terminal && left > 0) DrawBar(record.step);
}

std::string Progress::Line(const StepRecord& record,
                           uint64_t memory_bytes) const {
  const int width = static_cast<int>(absl::StrCat(options_.total_steps).size());
  std::string line = absl::StrFormat(
      "step %*d/%d  loss %.4f  %s  lr %.2e  %s", width, record.step,
      options_.total_steps, record.loss, Gradient(record), record.learning_rate,
      Milliseconds(record.seconds));
  if (timed_seconds_ > 0) {
    const double speed = timed_tokens_ / timed_seconds_;
    absl::StrAppend(&line, "  ", HumanCount(speed), " tok/s");
    if (options_.peak_flops > 0 && options_.flops_per_token > 0) {
      const double share =
          speed * options_.flops_per_token / options_.peak_flops;
      absl::StrAppendFormat(&line, "  MFU %.0f%%", 100 * share);
    }
  }
  absl::StrAppend(&line, "  mem ", HumanBytes(memory_bytes));
  if (record.step < options_.total_steps) {
    absl::StrAppend(&line, "  eta ", HumanDuration(eta_seconds_));
  }
  if (record.skipped) absl::StrAppend(&line, "  SKIPPED: no update was made");
  return line;
}

void Progress::Note(absl::string_view text) {
  ClearBar();
  absl::FPrintF(options_.out, "%s\n", text);
  std::fflush(options_.out);
}

void Progress::ClearBar() {
  if (!bar_shown_) return;
  absl::FPrintF(options_.out, "\r\033[K");
  std::fflush(options_.out);
  bar_shown_ = false;
}

void Progress::DrawBar(int64_t step) {
  const double share = options_.total_steps > 0
                           ? static_cast<double>(step) / options_.total_steps
                           : 0;
  const int full =
      std::clamp(static_cast<int>(share * kBarWidth), 0, kBarWidth);
  absl::FPrintF(options_.out, "\r\033[K[%s%s] %3.0f%%  %d/%d  eta %s",
                std::string(full, '='), std::string(kBarWidth - full, ' '),
                std::floor(100 * share), step, options_.total_steps,
                HumanDuration(eta_seconds_));
  std::fflush(options_.out);
  bar_shown_ = true;
}

}  // namespace perdure
