#ifndef PERDURE_PARALLEL_ENGINE_LOSS_REDUCER_H_
#define PERDURE_PARALLEL_ENGINE_LOSS_REDUCER_H_

// The losses of a global batch from those of its micro-batches, wherever they
// were computed: summed in the order of micro-batches, so that every topology
// gets the same bits from the same losses.

#include <cstdint>
#include <vector>

#include "parallel/group/process_groups.h"
#include "parallel/model/head_block.h"
#include "runtime/topology/topology.h"

namespace perdure {

struct BatchLoss {
  double loss_sum = 0;
  double weight_sum = 0;
  int signal = 0;  // the largest that any rank passed in
  double mean() const { return weight_sum > 0 ? loss_sum / weight_sum : 0; }
};

// Collective over the world. `local`: this replica's micro-batches `share` of
// `total`; `signal` (0 .. 255) is combined on the way.
absl::StatusOr<BatchLoss> ReduceLosses(const ProcessGroups& groups,
                                       const std::vector<SequenceLosses>& local,
                                       Range share, int64_t total, int signal);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_LOSS_REDUCER_H_
