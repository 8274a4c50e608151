#include "parallel/engine/micro_batch_reader.h"

#include <algorithm>

namespace perdure {

int64_t MicroBatchReader::Count(int64_t sequences) const {
  return (sequences + size_ - 1) / size_;
}

absl::StatusOr<std::vector<MicroBatch>> MicroBatchReader::Read(
    const Dataset& data, int64_t first, int64_t sequences, Range share) {
  batches_.resize(static_cast<size_t>(share.size()));
  std::vector<MicroBatch> micro_batches;
  for (int64_t m = share.begin; m < share.end; ++m) {
    Batch& batch = batches_[static_cast<size_t>(m - share.begin)];
    RETURN_IF_ERROR(data.Read(first + m * size_,
                              std::min(size_, sequences - m * size_), &batch));
    MicroBatch micro = MakeMicroBatch(batch);
    micro.accumulate = m > share.begin;
    micro.index = static_cast<int>(m);
    micro_batches.push_back(std::move(micro));
  }
  return micro_batches;
}

}  // namespace perdure
