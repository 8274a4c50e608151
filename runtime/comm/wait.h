#ifndef PERDURE_RUNTIME_COMM_WAIT_H_
#define PERDURE_RUNTIME_COMM_WAIT_H_

// How a rank waits for others: at first on the cache line, then giving its core
// away, at last asleep, so that ranks that share cores do not starve each
// other.

#include <chrono>
#include <functional>

#include "absl/time/time.h"

namespace perdure {

// A point in monotonic time; absl::InfiniteDuration() never passes.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Deadline(absl::Duration timeout);
  Clock::time_point time() const { return time_; }
  bool PassedAt(Clock::time_point now) const { return now >= time_; }

 private:
  Clock::time_point time_;
};

struct WaitPolicy {
  bool crowded = false;  // more ranks than cores on this node
  // Called now and then by a rank that waits long; may be empty.
  std::function<void()> progress;
};

// One wait. Look at the condition, Pause(), look again, ...
class Waiter {
 public:
  // Both must outlive the waiter.
  Waiter(const WaitPolicy& policy, const Deadline& deadline)
      : policy_(policy), deadline_(deadline) {}
  // False once the deadline has passed.
  bool Pause();

 private:
  bool PauseLong();

  const WaitPolicy& policy_;
  const Deadline& deadline_;
  int rounds_ = 0;
  Deadline::Clock::time_point start_;
};

// Cores this process may run on.
int AvailableCores();

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_WAIT_H_
