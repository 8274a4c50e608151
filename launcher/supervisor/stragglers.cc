#include "launcher/supervisor/stragglers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace perdure {

std::optional<Verdict> Stragglers::Detect(const RankTable& table) {
  Verdict verdict;
  verdict.fault = Fault::kStraggler;
  verdict.step = table.MostStep() + 1;
  for (size_t i = 0; i < table.ranks().size(); ++i) {
    const Heartbeat& beat = table.ranks()[i].last;
    const int rank = static_cast<int>(i);
    if (!beat.straggler()) {
      known_.erase(rank);
      continue;
    }
    if (!known_.insert(rank).second) continue;
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
  return verdict;
}

}  // namespace perdure
