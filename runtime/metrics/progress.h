#ifndef PERDURE_RUNTIME_METRICS_PROGRESS_H_
#define PERDURE_RUNTIME_METRICS_PROGRESS_H_

// What a person watches: a line a step and a bar on a terminal, plain lines
// otherwise. Printed by one rank.

#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/state/step_record.h"

namespace perdure {

struct ProgressOptions {
  int64_t total_steps = 0;
  int64_t first_step = 0;  // finished before this process
  int log_every = 1;
  double flops_per_token = 0;  // of the whole model, for the MFU
  double peak_flops = 0;       // measured, of all ranks; 0: no MFU
  bool terminal = false;
  std::FILE* out = stdout;
};

// Speed and ETA are over the steps of this process, the first left out.
class Progress {
 public:
  explicit Progress(const ProgressOptions& options);
  ~Progress();  // ends the bar's line

  // "step  120/2000  loss 3.4121  |g| 0.81  lr 5.9e-04  812 ms  80.7k tok/s
  //  MFU 41%  mem 1.3 GiB  eta 25m 03s"; zeroth-order: "L+ .. L- .. g .. snr
  //  .." in place of |g|.
  void Step(const StepRecord& record, uint64_t memory_bytes);
  // A line that is not a step: the bar is put out of its way first.
  void Note(absl::string_view text);

 private:
  std::string Line(const StepRecord& record, uint64_t memory_bytes) const;
  void ClearBar();
  void DrawBar(int64_t step);
  ProgressOptions options_;
  bool warmed_up_ = false;   // the first step of this process is done
  int64_t timed_steps_ = 0;  // without the first
  double timed_seconds_ = 0;
  double timed_tokens_ = 0;
  double eta_seconds_ = 0;
  bool bar_shown_ = false;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_METRICS_PROGRESS_H_
