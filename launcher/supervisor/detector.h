#ifndef PERDURE_LAUNCHER_SUPERVISOR_DETECTOR_H_
#define PERDURE_LAUNCHER_SUPERVISOR_DETECTOR_H_

// Finds out from heartbeats alone that a generation is stuck, and who is
// guilty. Pure: the same table and time give the same verdict.

#include <optional>

#include "launcher/supervisor/budgets.h"
#include "launcher/supervisor/rank_table.h"
#include "launcher/supervisor/verdict.h"

namespace perdure {

// None: nothing is wrong, as far as can be seen.
std::optional<Verdict> Detect(const RankTable& table, const Budgets& budgets,
                              double now);

// "rank 3 on node2: train, step 41, 2.1 s in dp[0]: AllReduce #812"
std::string DescribeRank(const RankTable& table, int rank, double now);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_DETECTOR_H_
