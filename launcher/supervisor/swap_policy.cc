#include "launcher/supervisor/swap_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace perdure {
namespace {

// "b (rank 3 computes at 0.42 of the median for 4 windows)"; of a host's ranks
// the slowest.
std::string SlowText(const std::vector<SlowRank>& slow) {
  std::vector<std::string> texts;
  for (const std::string& host : HostsOf(slow)) {
    const auto slowest =
        std::find_if(slow.begin(), slow.end(),
                     [&](const SlowRank& rank) { return rank.host == host; });
    texts.push_back(absl::StrFormat(
        "%s (rank %d computes at %.2f of the median for %d windows)", host,
        slowest->rank, slowest->speed, slowest->windows));
  }
  return absl::StrJoin(texts, ", ");
}

std::string Seconds(double seconds) {
  return absl::StrFormat(seconds < 10 ? "%.1f s" : "%.0f s", seconds);
}

}  // namespace

double SwapCase::remaining_seconds() const {
  return static_cast<double>(steps_left) * step_seconds;
}

double SwapCase::saved_seconds() const {
  return static_cast<double>(steps_left) * std::min(slow_seconds, step_seconds);
}

double SwapCase::lost_seconds() const {
  return static_cast<double>(steps_since) *
         std::min(slow_seconds, step_seconds);
}

std::vector<std::string> HostsOf(const std::vector<SlowRank>& slow) {
  std::vector<std::string> hosts;
  for (const SlowRank& rank : slow) {
    if (std::find(hosts.begin(), hosts.end(), rank.host) == hosts.end()) {
      hosts.push_back(rank.host);
    }
  }
  return hosts;
}

void SwapOnly(const std::vector<std::string>& hosts, SwapCase* swap) {
  std::vector<SlowRank> kept;
  bool cured = true;
  swap->slow_seconds = 0;
  for (SlowRank& rank : swap->slow) {
    if (std::find(hosts.begin(), hosts.end(), rank.host) == hosts.end()) {
      cured = false;
      continue;
    }
    if (cured) swap->slow_seconds = rank.slow_seconds;
    kept.push_back(std::move(rank));
  }
  swap->slow = std::move(kept);
}

SwapDecision DecideSwap(const SwapCase& swap, MoveWhen when) {
  using Reason = SwapDecision::Reason;
  if (swap.slow.empty()) return {Reason::kNobodySlow, ""};
  const bool proven =
      std::all_of(swap.slow.begin(), swap.slow.end(),
                  [](const SlowRank& rank) { return rank.windows_since >= 1; });
  if (!proven || swap.step_seconds <= 0) return {Reason::kUnproven, ""};
  const std::string slow = SlowText(swap.slow);
  if (swap.since_swap.has_value() && *swap.since_swap < swap.cooldown_seconds) {
    return {Reason::kTooSoon,
            absl::StrCat("keeps slow host ", slow, ": the last swap was made ",
                         Seconds(*swap.since_swap), " ago, the next is not ",
                         "made before ", Seconds(swap.cooldown_seconds))};
  }
  if (swap.spares.empty()) {
    return {Reason::kNoSpare, absl::StrCat("keeps slow host ", slow,
                                           ": no spare is left for it")};
  }
  const std::string spares = absl::StrJoin(swap.spares, ", ");
  const bool pays = swap.saved_seconds() > kSwapMargin * swap.cost_seconds;
  if (!pays && when == MoveWhen::kPays) {
    return {Reason::kDoesNotPay,
            absl::StrCat("keeps slow host ", slow, ": spare ", spares,
                         " would save about ", Seconds(swap.saved_seconds()),
                         " of the ", Seconds(swap.remaining_seconds()),
                         " that remain and cost about ",
                         Seconds(swap.cost_seconds))};
  }
  if (when == MoveWhen::kPays && swap.lost_seconds() < swap.cost_seconds) {
    return {Reason::kUnproven, ""};
  }
  return {
      Reason::kSwap,
      absl::StrCat("swaps host ", slow, " for spare ", spares, ": saves about ",
                   Seconds(swap.saved_seconds()), " of the ",
                   Seconds(swap.remaining_seconds()),
                   " that remain, costs about ", Seconds(swap.cost_seconds))};
}

}  // namespace perdure
