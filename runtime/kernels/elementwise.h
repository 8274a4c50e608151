#ifndef PERDURE_RUNTIME_KERNELS_ELEMENTWISE_H_
#define PERDURE_RUNTIME_KERNELS_ELEMENTWISE_H_

// Small passes over memory. Sums are taken over a fixed cut into chunks with a
// fixed number of partial sums: the same bits for any number of threads.

#include <cstdint>

#include "runtime/base/philox.h"
#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure::kernels {

void Fill(StreamView stream, float value, float* x, int64_t n);
// Converts between fp32 and bf16 (any pair), row by row.
void Convert(StreamView stream, ConstMatrixView x, MatrixView y);
// y += x; x fp32 or bf16; y fp32, or bf16 where x is fp32.
void Add(StreamView stream, ConstMatrixView x, MatrixView y);
// x *= factor; x fp32, contiguous.
void Scale(StreamView stream, float factor, MatrixView x);
// x[i, :] += bias; x fp32 or bf16.
void AddBias(StreamView stream, const float* bias, MatrixView x);
// dbias[j] += sum over rows of dy[:, j]; fixed order.
void BiasBackward(StreamView stream, ConstMatrixView dy, float* dbias);
// The sum of squares in fp64. Inf or NaN in x makes the result not finite.
double SumOfSquares(StreamView stream, const float* x, int64_t n);

// Dropout (Srivastava et al. 2014) as a pure function of (key, row id, column):
// element (i, j) has the uniform number UniformFromBits(bits[j % 4]) with
//   bits = Philox4x32({j / 4, row_ids[i] mod 2^32, row_ids[i] / 2^32, 0}, key);
// it is dropped iff that is below `probability` (in [0, 1)), else scaled by
// 1 / (1 - probability). The same call on the gradient is the backward pass.
// In place, fp32 or bf16.
void Dropout(StreamView stream, float probability, PhiloxKey key,
             const int64_t* row_ids, MatrixView x);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ELEMENTWISE_H_
