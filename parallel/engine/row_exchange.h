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

// Collective over tp. Every rank passes its columns (row-major, from row 0 of
// what all ranks of the group hold) and who is to get which rows, by rank: the
// same on all. Returns this rank's rows, whole, row-major. slot.spec.split_dim
// must be 1.
absl::StatusOr<std::vector<char>> ExchangeRows(Communicator& tp,
                                               const ParamSlot& slot,
                                               const std::vector<Range>& rows,
                                               DType dtype,
                                               const void* columns);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_ROW_EXCHANGE_H_
