#include "launcher/supervisor/stragglers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "launcher/supervisor/placement.h"

namespace perdure {

std::optional<Verdict> Stragglers::Detect(const RankTable& table, double now) {
  Verdict verdict;
  verdict.fault = Fault::kStraggler;
  verdict.step = table.MostStep() + 1;
  for (size_t i = 0; i < table.ranks().size(); ++i) {
    const Heartbeat& beat = table.ranks()[i].last;
    const int rank = static_cast<int>(i);
    if (!beat.straggler()) {
      named_.erase(rank);
      continue;
    }
    if (!named_.emplace(rank, beat.slow_windows()).second) continue;
    verdict.ranks.push_back(rank);
    if (std::find(verdict.hosts.begin(), verdict.hosts.end(), beat.host()) ==
        verdict.hosts.end()) {
      verdict.hosts.push_back(beat.host());
    }
    absl::StrAppend(&verdict.what, verdict.what.empty() ? "" : "; ",
                    absl::StrFormat("rank %d on %s computes at %.2f of the "
                                    "median speed",
                                    rank, beat.host(), beat.speed()));
  }
  if (verdict.ranks.empty()) return std::nullopt;
  since_ = now;
  since_step_ = table.LeastStep();
  return verdict;
}

SwapCase Stragglers::Measure(const RankTable& table, double now) const {
  SwapCase swap;
  for (const auto& [rank, windows_before] : named_) {
    const Heartbeat& beat = table.ranks()[static_cast<size_t>(rank)].last;
    swap.slow.push_back({rank, beat.host(), beat.speed(), beat.slow_windows(),
                         beat.slow_windows() - windows_before,
                         beat.slow_seconds()});
    swap.steps_left = beat.total_steps() - beat.step();
  }
  std::stable_sort(
      swap.slow.begin(), swap.slow.end(),
      [](const SlowRank& a, const SlowRank& b) { return a.speed < b.speed; });
  const int64_t steps = table.LeastStep() - since_step_;
  swap.steps_since = steps;
  if (steps >= kStepsToJudge) {
    swap.step_seconds = (now - since_) / static_cast<double>(steps);
  }
  return swap;
}

}  // namespace perdure
