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
  // Whole ones since it was named a straggler: what the ranks could do about it
  // themselves was done when the first of them began.
  int windows_since = 0;
  // Of a step, modelled, because of it and those that are slower still.
  double slow_seconds = 0;
};

// What a swap of slow hosts would do.
struct SwapCase {
  std::vector<SlowRank> slow;  // the slowest first
  int64_t steps_left = 0;
  int64_t steps_since = 0;  // the last of them was named
  // Of a step at the present pace, measured since they were named; 0: not yet.
  double step_seconds = 0;
  double slow_seconds = 0;          // of it, modelled, that the swap saves
  double cost_seconds = 0;          // of the interruption
  std::vector<std::string> spares;  // that would take over; empty: too few
  // Since the last swap of this launch, and how long none follows; none: there
  // was none.
  std::optional<double> since_swap;
  double cooldown_seconds = 0;

  double remaining_seconds() const;
  double saved_seconds() const;  // at most remaining_seconds()
  double lost_seconds() const;   // in steps_since
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

// `when` is not kNever. kAlways: whatever it saves. kPays: not before waiting
// has cost as much as the swap does, so that what passes by itself is waited
// for, and no more than twice the least possible is ever lost (the ski rental
// problem, Karlin et al., Competitive Snoopy Caching, 1988).
SwapDecision DecideSwap(const SwapCase& swap, MoveWhen when);

// Of `slow`, each once, in this order.
std::vector<std::string> HostsOf(const std::vector<SlowRank>& slow);

// Leaves the slow ranks of `hosts` in the case and sets what is saved without
// them; who is slower than the slowest rank elsewhere counts.
void SwapOnly(const std::vector<std::string>& hosts, SwapCase* swap);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_SWAP_POLICY_H_
