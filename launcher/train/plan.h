#ifndef PERDURE_LAUNCHER_TRAIN_PLAN_H_
#define PERDURE_LAUNCHER_TRAIN_PLAN_H_

// What a run will look like, before it starts: layout, batch arithmetic, bytes
// per rank. Pure; needs no MPI.

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/config/run.pb.h"
#include "runtime/topology/topology.h"

namespace perdure {

// Bytes on one rank, by what they are for.
struct MemoryPlan {
  uint64_t weights = 0;
  uint64_t gradients = 0;
  uint64_t optimizer = 0;    // moments and masters
  uint64_t activations = 0;  // of all micro-batches in flight, and scratch
  uint64_t logits = 0;
  uint64_t total() const {
    return weights + gradients + optimizer + activations + logits;
  }
};
MemoryPlan PlanMemory(const RunConfig& config, const Topology& topology,
                      int rank);

// Floating-point operations of a forward and backward pass over one token: 6 a
// parameter of a matrix product, and attention (PaLM, Chowdhery et al. 2022,
// appendix B).
double FlopsPerToken(const RunConfig& config);

using TableRows = std::vector<std::pair<std::string, std::string>>;
// Model, batch, schedule, topology with the ranks, memory: rows of a table.
TableRows PlanRows(const RunConfig& config, const Topology& topology);

// `--plan`: resolved config and table, as one text.
absl::StatusOr<std::string> PlanText(const RunConfig& config, int ranks);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_PLAN_H_
