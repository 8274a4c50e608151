#ifndef PERDURE_LAUNCHER_TRAIN_PLAN_H_
#define PERDURE_LAUNCHER_TRAIN_PLAN_H_

// What a run will look like, before it starts: layout, batch arithmetic, bytes
// per rank. Pure; needs no MPI.

#include <string>
#include <utility>
#include <vector>

#include "launcher/train/memory_plan.h"
#include "runtime/base/status.h"
#include "runtime/config/run.pb.h"
#include "runtime/topology/topology.h"

namespace perdure {

// Floating-point operations that a step spends on one token. First-order: a
// forward and a backward pass, 6 a parameter of a matrix product, and attention
// (PaLM, Chowdhery et al. 2022, appendix B). Zeroth-order: its forward passes.
double FlopsPerToken(const RunConfig& config);

using TableRows = std::vector<std::pair<std::string, std::string>>;
// Model, batch, schedule, topology with the ranks, memory: rows of a table.
TableRows PlanRows(const RunConfig& config, const Topology& topology);

// `--plan`: resolved config and table, as one text.
absl::StatusOr<std::string> PlanText(const RunConfig& config, int ranks);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_PLAN_H_
