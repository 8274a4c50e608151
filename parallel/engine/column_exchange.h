#ifndef PERDURE_PARALLEL_ENGINE_COLUMN_EXCHANGE_H_
#define PERDURE_PARALLEL_ENGINE_COLUMN_EXCHANGE_H_

// Loading tensors split along their columns where the ranks of a
// tensor-parallel group are on several nodes: a file has whole rows, and blocks
// of it are read and checked whole, so every node would read columns that only
// others need. Instead each rank reads as many elements as it needs, but one
// after the other, and the ranks swap them in memory. ExchangeRows does the
// reverse for saving.

#include <cstdint>
#include <vector>

#include "runtime/comm/communicator.h"
#include "runtime/nn/param_layout.h"
#include "runtime/state/train_state.h"

namespace perdure {

class ColumnExchange {
 public:
  // `requests` are this rank's, for shards of `layout`; those of tensors split
  // along columns are the same on all ranks of `tp`, in the same order, for the
  // same rows. tp outlives the object.
  ColumnExchange(Communicator& tp, const ParamLayout& layout,
                 std::vector<StateRequest> requests);

  // What to load instead. Needs no more memory.
  const std::vector<StateRequest>& requests() const { return requests_; }

  // Collective over tp, once the requests are loaded: brings every element to
  // its place. Holds two copies of this rank's part of one tensor at a time.
  absl::Status Finish();

 private:
  // Some whole rows of a tensor, cut among the ranks of the group.
  struct Block {
    int64_t rows;
    int64_t width;                          // elements of a whole row
    std::vector<std::vector<ShardRun>> of;  // each rank's runs in a row
    std::vector<Range> parts;               // that each rank reads
    size_t request;                         // of requests_
  };
  std::vector<char> Pack(const Block& block, int rank, int reader) const;
  void Unpack(const Block& block, int reader, const std::vector<char>& packed);
  absl::Status Swap(const Block& block);

  Communicator& tp_;
  std::vector<StateRequest> requests_;
  std::vector<Block> blocks_;
};

// Collective: whether the ranks of a group have no memory in common.
absl::StatusOr<bool> SpansNodes(Communicator& group);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_COLUMN_EXCHANGE_H_
