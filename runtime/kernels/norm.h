#ifndef PERDURE_RUNTIME_KERNELS_NORM_H_
#define PERDURE_RUNTIME_KERNELS_NORM_H_

// LayerNorm (Ba et al. 2016) and RMSNorm (Zhang & Sennrich 2019), row-wise.
// N rows, D cols. x is the fp32 residual stream; y and dy are fp32 or bf16.
// weight, bias and statistics are fp32. Sums of the weight gradients are taken
// over a fixed cut of the rows: the same bits for any number of threads.

#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure::kernels {

// y = (x - mean) * rstd * weight + bias; mean, rstd: [N] out, may be nullptr.
void LayerNormForward(StreamView stream, ConstMatrixView x, const float* weight,
                      const float* bias, float eps, MatrixView y, float* mean,
                      float* rstd);
// dx += gradient (fp32 [N, D]); dweight, dbias [D] += gradient.
void LayerNormBackward(StreamView stream, ConstMatrixView dy, ConstMatrixView x,
                       const float* weight, const float* mean,
                       const float* rstd, MatrixView dx, float* dweight,
                       float* dbias);

// y = x * rstd * weight, rstd = 1/sqrt(mean(x^2) + eps).
void RmsNormForward(StreamView stream, ConstMatrixView x, const float* weight,
                    float eps, MatrixView y, float* rstd);
void RmsNormBackward(StreamView stream, ConstMatrixView dy, ConstMatrixView x,
                     const float* weight, const float* rstd, MatrixView dx,
                     float* dweight);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_NORM_H_
