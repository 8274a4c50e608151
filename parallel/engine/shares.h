#ifndef PERDURE_PARALLEL_ENGINE_SHARES_H_
#define PERDURE_PARALLEL_ENGINE_SHARES_H_

// Which micro-batches of a step each data-parallel replica computes. The
// micro-batches themselves are the run's (design I2). Pure.

#include <cstdint>
#include <vector>

#include "runtime/topology/topology.h"

namespace perdure {

// Equal counts: EvenPart of each.
std::vector<int64_t> EvenShares(int64_t micro_batches, int replicas);

// Counts for replicas of unequal speed, so that the slowest is done as early as
// possible; every speed is positive.
std::vector<int64_t> SharesBySpeed(int64_t micro_batches,
                                   const std::vector<double>& speeds);

// How long the slowest takes, in units of a micro-batch at speed 1.
double TimeOf(const std::vector<int64_t>& counts,
              const std::vector<double>& speeds);

// The micro-batches of a replica: counts are laid end to end.
Range ShareOf(const std::vector<int64_t>& counts, int replica);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_SHARES_H_
