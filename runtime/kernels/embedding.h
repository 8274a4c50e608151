#ifndef PERDURE_RUNTIME_KERNELS_EMBEDDING_H_
#define PERDURE_RUNTIME_KERNELS_EMBEDDING_H_

// Rows of a table by index. Tables are fp32 or bf16, outputs and gradients
// fp32.

#include <cstdint>

#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure::kernels {

// out [N, D] += table[id - first_id] for ids within the table's rows, nothing
// for others (another rank's part of a split vocabulary).
void EmbeddingForward(StreamView stream, const int32_t* ids, int64_t n,
                      ConstMatrixView table, int64_t first_id, MatrixView out);
// dtable [V, D] fp32 += dout of the rows that used it, in ascending order of
// row: the same bits for any thread count.
void EmbeddingBackward(StreamView stream, const int32_t* ids, int64_t n,
                       ConstMatrixView dout, int64_t first_id,
                       MatrixView dtable);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_EMBEDDING_H_
