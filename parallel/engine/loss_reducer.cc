#include "parallel/engine/loss_reducer.h"

#include <algorithm>

namespace perdure {

absl::StatusOr<BatchLoss> ReduceLosses(const ProcessGroups& groups,
                                       const std::vector<SequenceLosses>& local,
                                       Range share, int64_t total, int signal) {
  // One place a micro-batch and one a rank: every place is written by one rank
  // and zero elsewhere, so the sum over ranks is exact.
  const size_t ranks = static_cast<size_t>(groups.world->size());
  std::vector<double> places(2 * static_cast<size_t>(total) + ranks, 0.0);
  if (groups.last_stage() && groups.me.tp == 0) {
    for (size_t m = 0; m < local.size(); ++m) {
      const size_t at = 2 * (static_cast<size_t>(share.begin) + m);
      for (double loss : local[m].loss) places[at] += loss;
      for (double weight : local[m].weight) places[at + 1] += weight;
    }
  }
  places[2 * static_cast<size_t>(total) +
         static_cast<size_t>(groups.world->rank())] = signal;
  RETURN_IF_ERROR(groups.world->AllReduce(places.data(),
                                          static_cast<int64_t>(places.size()),
                                          DType::kF64, ReduceOp::kSum));
  BatchLoss result;
  for (int64_t m = 0; m < total; ++m) {
    result.loss_sum += places[2 * static_cast<size_t>(m)];
    result.weight_sum += places[2 * static_cast<size_t>(m) + 1];
  }
  result.signal = static_cast<int>(*std::max_element(
      places.end() - static_cast<int64_t>(ranks), places.end()));
  return result;
}

}  // namespace perdure
