#ifndef PERDURE_LAUNCHER_TRAIN_SPEED_WATCH_H_
#define PERDURE_LAUNCHER_TRAIN_SPEED_WATCH_H_

// Measures what each rank computes, without the time it waits, compares the
// ranks every resilience.straggler_window steps, says who is slow, and shares
// the micro-batches anew (resilience.rebalance).

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "parallel/engine/straggler_monitor.h"
#include "parallel/engine/train_engine.h"
#include "runtime/config/run.pb.h"
#include "runtime/progress/progress.h"

namespace perdure {

class SpeedWatch {
 public:
  struct Parts {
    const ProcessGroups* groups = nullptr;
    TrainEngine* engine = nullptr;
    ProgressBoard* board = nullptr;  // may be nullptr
    std::string host;                // of this rank
    // Tells a person; called on all ranks alike.
    std::function<absl::Status(const std::string& text)> tell;
  };
  // `parts` outlive the watch.
  SpeedWatch(const RunConfig& config, Parts parts);

  // Around each step.
  void BeginStep();
  void EndStep();
  // After that, when step number `step` counts. Collective at the end of a
  // window.
  absl::Status Compare(int64_t step);

 private:
  absl::Status CloseWindow();
  absl::Status TellChanges();
  absl::Status Adapt();
  // `unit`: seconds of a micro-batch at the median's speed.
  void Publish(double unit);

  RunConfig config_;
  Parts parts_;
  StragglerMonitor monitor_;
  int32_t steps_ = 0;  // in this window
  int coordinator_ = 0;
  PassWork counted_;           // up to the end of the last window
  int64_t counted_steps_ = 0;  // since then
  std::chrono::steady_clock::time_point begun_;
  double waited_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_SPEED_WATCH_H_
