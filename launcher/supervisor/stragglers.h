#ifndef PERDURE_LAUNCHER_SUPERVISOR_STRAGGLERS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_STRAGGLERS_H_

// Ranks that say in their heartbeats that they are slow.

#include <optional>
#include <set>

#include "launcher/supervisor/rank_table.h"
#include "launcher/supervisor/verdict.h"

namespace perdure {

class Stragglers {
 public:
  // A generation begins.
  void Forget() { known_.clear(); }
  // Blames the ranks that have become stragglers since the last call; none:
  // none has.
  std::optional<Verdict> Detect(const RankTable& table);

 private:
  std::set<int> known_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_STRAGGLERS_H_
