#include "launcher/train/slowness.h"

#include <time.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace perdure {
namespace {

// A sleep shorter than this would be mostly its own cost.
constexpr double kLeast = 200e-6;

// Time spent waiting for others, or for a core, is not computing.
double ThreadSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

Slowness::Slowness(double factor)
    : factor_(factor), computed_(ThreadSeconds()) {}

void Slowness::Pay() {
  const double now = ThreadSeconds();
  const double due = (factor_ - 1) * (now - computed_);
  if (due < kLeast) return;
  absl::SleepFor(absl::Seconds(due));
  computed_ = now;
}

}  // namespace perdure
