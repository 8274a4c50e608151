#ifndef PERDURE_PARALLEL_ENGINE_WORK_METER_H_
#define PERDURE_PARALLEL_ENGINE_WORK_METER_H_

// How much of a step's passes a rank has done in how much time, without the
// time it waited for others: its speed, whatever its share of the step is.

#include <chrono>
#include <cstdint>

#include "parallel/group/process_groups.h"

namespace perdure {

struct PassWork {
  int64_t blocks = 0;  // of micro-batches, forward or backward
  double seconds = 0;  // computing them
};

// Seconds that this rank has been blocked in calls of its groups.
double WaitedSeconds(const ProcessGroups& groups);

class WorkMeter {
 public:
  // `groups` outlives the meter.
  explicit WorkMeter(const ProcessGroups* groups) : groups_(groups) {}

  // Around passes.
  void Begin();
  void End();
  void CountBlock() { work_.blocks += running_ ? 1 : 0; }
  const PassWork& work() const { return work_; }

 private:
  const ProcessGroups* groups_;
  PassWork work_;
  bool running_ = false;
  std::chrono::steady_clock::time_point begun_;
  double waited_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_WORK_METER_H_
