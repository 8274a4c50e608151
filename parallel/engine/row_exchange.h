#ifndef PERDURE_PARALLEL_ENGINE_ROW_EXCHANGE_H_
#define PERDURE_PARALLEL_ENGINE_ROW_EXCHANGE_H_

// Tensors split along their columns, made whole row by row: the tensor-parallel
// ranks swap pieces in memory, so that each can write long runs to a file.

#include <cstdint>
#include <vector>

#include "runtime/comm/communicator.h"
#include "runtime/nn/param_layout.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

// Whole rows [rows.begin, rows.end) of a tensor, row-major.
struct WholeRows {
  Range rows;
  std::vector<char> data;
};

// Collective over tp. Every rank passes its columns of rows `rows` (local shard
// elements, contiguous, the same rows on all ranks); on return it has its even
// part of these rows, whole. slot.spec.split_dim must be 1.
absl::StatusOr<WholeRows> ExchangeRows(Communicator& tp, const ParamSlot& slot,
                                       Range rows, DType dtype,
                                       const void* columns);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_ROW_EXCHANGE_H_
