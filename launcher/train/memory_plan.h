#ifndef PERDURE_LAUNCHER_TRAIN_MEMORY_PLAN_H_
#define PERDURE_LAUNCHER_TRAIN_MEMORY_PLAN_H_

// How much memory a rank will need, before anything is allocated. Pure.

#include "parallel/pipeline/schedule.h"
#include "runtime/config/run.pb.h"
#include "runtime/topology/topology.h"

namespace perdure {

// Bytes on one rank, by what they are for.
struct MemoryPlan {
  uint64_t weights = 0;
  uint64_t gradients = 0;
  uint64_t optimizer = 0;    // moments and masters
  uint64_t perturbed = 0;    // copies of weights (zeroth-order)
  uint64_t activations = 0;  // of all micro-batches in flight, and scratch
  uint64_t logits = 0;
  // Of a snapshot on its way to the disk: the rank's part of weights and
  // optimizer state, at most snapshot.pool_mb; once for each tier.
  uint64_t snapshot_pool = 0;
  // Of the node's file system in memory: three snapshots with the neighbour's
  // part.
  uint64_t memory_tier = 0;
  uint64_t total() const {
    return weights + gradients + optimizer + perturbed + activations + logits +
           snapshot_pool + memory_tier;
  }
};
MemoryPlan PlanMemory(const RunConfig& config, const Topology& topology,
                      int rank);

// Micro-batches of a step.
int64_t MicroBatches(const TrainConfig& train);
// A stage's schedule of a first-order step.
Schedule TrainingScheduleOf(const RunConfig& config, const Topology& topology,
                            const RankCoordinates& at);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_MEMORY_PLAN_H_
