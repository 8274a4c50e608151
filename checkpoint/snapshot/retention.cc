#include "checkpoint/snapshot/retention.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "checkpoint/snapshot/names.h"

namespace perdure {

std::vector<std::string> BestSnapshots(std::vector<ScoredSnapshot> scored,
                                       int count) {
  std::erase_if(scored,
                [](const ScoredSnapshot& s) { return std::isnan(s.score); });
  const auto step_of = [](const ScoredSnapshot& s) {
    return ParseSnapshotName(s.name).value_or(-1);
  };
  std::sort(scored.begin(), scored.end(),
            [&](const ScoredSnapshot& a, const ScoredSnapshot& b) {
              return a.score != b.score ? a.score < b.score
                                        : step_of(a) > step_of(b);
            });
  std::vector<std::string> best;
  for (ScoredSnapshot& s : scored) {
    if (best.size() == static_cast<size_t>(std::max(count, 0))) break;
    best.push_back(std::move(s.name));
  }
  return best;
}

std::vector<std::string> SnapshotsToPrune(const std::vector<std::string>& names,
                                          int64_t written,
                                          const RetentionRules& rules) {
  std::vector<std::string> prune;
  if (rules.keep_last <= 0) return prune;
  std::map<int64_t, std::string> by_step;
  for (const std::string& name : names) {
    const std::optional<int64_t> step = ParseSnapshotName(name);
    if (step.has_value()) by_step.emplace(*step, name);
  }
  const size_t keep = static_cast<size_t>(rules.keep_last);
  size_t old = by_step.size() > keep ? by_step.size() - keep : 0;
  for (const auto& [step, name] : by_step) {
    if (old == 0) break;
    --old;
    const bool pinned = std::find(rules.pinned.begin(), rules.pinned.end(),
                                  name) != rules.pinned.end();
    const bool kept = rules.keep_every > 0 && step % rules.keep_every == 0;
    if (!pinned && !kept && step != written) prune.push_back(name);
  }
  return prune;
}

}  // namespace perdure
