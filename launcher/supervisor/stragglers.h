#ifndef PERDURE_LAUNCHER_SUPERVISOR_STRAGGLERS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_STRAGGLERS_H_

// Ranks that say in their heartbeats that they are slow.

#include <cstdint>
#include <map>
#include <optional>

#include "launcher/supervisor/rank_table.h"
#include "launcher/supervisor/swap_policy.h"
#include "launcher/supervisor/verdict.h"

namespace perdure {

class Stragglers {
 public:
  // A generation begins.
  void Forget() { named_.clear(); }
  // Blames the ranks that have become stragglers since the last call; none:
  // none has.
  std::optional<Verdict> Detect(const RankTable& table, double now);
  // Those that were named and still are slow, and what the steps since the last
  // of them was named tell of a swap; what it saves and costs, and for which
  // spares, is the caller's to fill in.
  SwapCase Measure(const RankTable& table, double now) const;

 private:
  std::map<int, int> named_;  // by rank: windows that it was slow for then
  // When the last one was named.
  double since_ = 0;
  int64_t since_step_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_STRAGGLERS_H_
