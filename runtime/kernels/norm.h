#ifndef PERDURE_RUNTIME_KERNELS_NORM_H_
#define PERDURE_RUNTIME_KERNELS_NORM_H_

// LayerNorm (Ba et al. 2016) and RMSNorm (Zhang & Sennrich 2019), row-wise.
// N rows, D cols. x is the fp32 residual stream; y and dy are fp32 or bf16.
// weight, bias and statistics are fp32. Sums of the weight gradients are taken
// over a fixed cut of the rows: the same bits for any number of threads.

#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure::kernels {

struct NormForwardCall {
  ConstMatrixView x;              // [N, D]
  const float* weight = nullptr;  // [D]
  const float* bias = nullptr;    // [D]; LayerNorm only
  float eps = 0;
  MatrixView y;           // [N, D]
  float* mean = nullptr;  // [N], may be nullptr; LayerNorm only
  float* rstd = nullptr;  // [N], may be nullptr
};

struct NormBackwardCall {
  ConstMatrixView dy;             // [N, D]
  ConstMatrixView x;              // [N, D]
  const float* weight = nullptr;  // [D]
  const float* mean = nullptr;    // [N]; LayerNorm only
  const float* rstd = nullptr;    // [N]
  // Gradients are added to these.
  MatrixView dx;             // [N, D] fp32
  float* dweight = nullptr;  // [D]; nullptr: not wanted
  float* dbias = nullptr;    // [D]; LayerNorm only; nullptr: not wanted
};

// y = (x - mean) * rstd * weight + bias.
void LayerNormForward(StreamView stream, const NormForwardCall& call);
void LayerNormBackward(StreamView stream, const NormBackwardCall& call);

// y = x * rstd * weight, rstd = 1/sqrt(mean(x^2) + eps).
void RmsNormForward(StreamView stream, const NormForwardCall& call);
void RmsNormBackward(StreamView stream, const NormBackwardCall& call);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_NORM_H_
