#ifndef PERDURE_RUNTIME_COMM_REDUCE_H_
#define PERDURE_RUNTIME_COMM_REDUCE_H_

// The one definition of a reduction over ranks, used by every backend.

#include <cstdint>

#include "runtime/comm/communicator.h"

namespace perdure {

// Whether AllReduce takes this type.
bool IsReducible(DType dtype);

// out[i] = ((parts[0][i] op parts[1][i]) op parts[2][i]) ... for i < n, in this
// order. kBF16 accumulates in fp32 and is rounded once; integers wrap; a NaN in
// any part makes kMax and kMin NaN. `out` may be one of the parts.
void ReduceInRankOrder(DType dtype, ReduceOp op, const void* const* parts,
                       int count, int64_t n, void* out);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_REDUCE_H_
