#include "runtime/comm/wait.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace perdure {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// Long enough for a peer on another core, short against a time slice.
constexpr int kSpins = 50;
// Rounds between two looks at the clock while yielding.
constexpr int kYieldsPerLook = 8;
// A wait this long is no jitter: the core is worth more to somebody else.
constexpr nanoseconds kYieldTime = microseconds(2000);
constexpr nanoseconds kYieldTimeCrowded = microseconds(200);
// Sleeping a fraction of the time already waited bounds what a late wake-up
// adds to the whole wait.
constexpr int kSleepFraction = 16;
constexpr nanoseconds kLongestSleep = microseconds(500);

void SpinOnce() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Deadline::Deadline(absl::Duration timeout) : time_(Clock::time_point::max()) {
  const Clock::time_point now = Clock::now();
  const nanoseconds wait = absl::ToChronoNanoseconds(timeout);
  if (wait < time_ - now) time_ = now + wait;
}

bool Waiter::Pause() {
  if (++rounds_ <= kSpins) {
    SpinOnce();
    return true;
  }
  return PauseLong();
}

bool Waiter::PauseLong() {
  if (policy_.progress) policy_.progress();
  sched_yield();
  if (rounds_ % kYieldsPerLook != 0) return true;
  const Deadline::Clock::time_point now = Deadline::Clock::now();
  if (deadline_.PassedAt(now)) return false;
  if (start_ == Deadline::Clock::time_point()) start_ = now;
  const nanoseconds waited = now - start_;
  if (waited > (policy_.crowded ? kYieldTimeCrowded : kYieldTime)) {
    std::this_thread::sleep_for(
        std::min(waited / kSleepFraction, kLongestSleep));
  }
  return true;
}

int AvailableCores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) {
    return std::max(1u, std::thread::hardware_concurrency());
  }
  return std::max(1, CPU_COUNT(&cores));
}

}  // namespace perdure
