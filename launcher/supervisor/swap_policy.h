#ifndef PERDURE_LAUNCHER_SUPERVISOR_SWAP_POLICY_H_
#define PERDURE_LAUNCHER_SUPERVISOR_SWAP_POLICY_H_

// Whether hosts that compute slowly are swapped for spares. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/supervisor/launch_options.h"

namespace perdure {

struct SlowRank {
  int rank = 0;
  std::string host;
  double speed = 0;  // as a part of the median's
  int windows = 0;   // comparisons in a row for which it was low
};

// What a swap of the slow hosts would do, seconds.
struct SwapCase {
  std::vector<SlowRank> slow;  // named as stragglers
  // Whole comparisons since then, the fewest of all of them: what the ranks
  // could do about it themselves was done at the first's beginning.
  int windows_since = 0;
  int64_t steps_left = 0;
  // Of a step at the present pace, measured since they were named; 0: not yet.
  double step_seconds = 0;
  double slow_seconds = 0;  // of it, modelled, because of the slow ranks
  double cost_seconds = 0;  // of the interruption
  std::vector<std::string> spares;  // that would take over; empty: too few
  // Since the last swap of this launch, and how long none follows; none: there
  // was none.
  std::optional<double> since_swap;
  double cooldown_seconds = 0;

  double remaining_seconds() const;
  double saved_seconds() const;  // at most remaining_seconds()
};

struct SwapDecision {
  enum class Reason {
    kNobodySlow,
    kUnproven,  // for too short a time
    kTooSoon,   // after the last swap
    kNoSpare,
    kDoesNotPay,
    kSwap,
  };
  Reason reason = Reason::kNobodySlow;
  std::string why;  // one sentence with hosts and seconds; "": nothing to tell
};

// A swap pays if it saves this many times its cost: a model and one or two
// measurements stand against each other.
inline constexpr double kSwapMargin = 2;

// `when` is not kNever. kAlways: whatever it saves.
SwapDecision DecideSwap(const SwapCase& swap, MoveWhen when);

// Of `slow`, each once, in this order.
std::vector<std::string> HostsOf(const std::vector<SlowRank>& slow);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_SWAP_POLICY_H_
