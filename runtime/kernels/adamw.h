#ifndef PERDURE_RUNTIME_KERNELS_ADAMW_H_
#define PERDURE_RUNTIME_KERNELS_ADAMW_H_

// AdamW (Loshchilov & Hutter 2019), fused, one pass over memory.

#include <cstdint>

#include "runtime/device/device.h"
#include "runtime/tensor/dtype.h"

namespace perdure::kernels {

struct AdamWSettings {
  float lr = 0;
  float beta1 = 0.9f;
  float beta2 = 0.95f;
  float eps = 1e-8f;
  float weight_decay = 0;
  int64_t step = 1;      // from 1, for the bias correction
  float grad_scale = 1;  // multiplies the gradient first (1/tokens, clipping)
};

// n elements each; no two arrays overlap.
struct AdamWArrays {
  const float* grad = nullptr;
  float* param = nullptr;
  float* m = nullptr;
  float* v = nullptr;
  bf16* shadow = nullptr;  // gets param rounded to bf16; nullptr: none
  int64_t n = 0;
};

// m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;
// p = p (1 - lr wd) - lr (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps).
// Matches torch.optim.AdamW within rounding.
void AdamW(StreamView stream, const AdamWSettings& settings,
           const AdamWArrays& arrays);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ADAMW_H_
