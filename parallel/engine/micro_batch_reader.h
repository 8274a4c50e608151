#ifndef PERDURE_PARALLEL_ENGINE_MICRO_BATCH_READER_H_
#define PERDURE_PARALLEL_ENGINE_MICRO_BATCH_READER_H_

// Cuts a global batch into micro-batches. The cut is the run's: which replica
// gets which micro-batch changes nothing in them.

#include <cstdint>
#include <vector>

#include "parallel/model/context.h"
#include "runtime/data/dataset.h"
#include "runtime/topology/topology.h"

namespace perdure {

class MicroBatchReader {
 public:
  explicit MicroBatchReader(int64_t micro_batch) : size_(micro_batch) {}

  // Micro-batches of a batch of so many sequences; the last may be smaller.
  int64_t Count(int64_t sequences) const;

  // Micro-batches `share` of the batch of samples first .. first + sequences.
  // The result refers to memory of the reader, until the next call. The first
  // of them overwrites gradients, the others add to them.
  absl::StatusOr<std::vector<MicroBatch>> Read(const Dataset& data,
                                               int64_t first, int64_t sequences,
                                               Range share);

 private:
  int64_t size_;
  std::vector<Batch> batches_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_MICRO_BATCH_READER_H_
