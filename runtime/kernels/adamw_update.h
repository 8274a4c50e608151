#ifndef PERDURE_RUNTIME_KERNELS_ADAMW_UPDATE_H_
#define PERDURE_RUNTIME_KERNELS_ADAMW_UPDATE_H_

// The arithmetic of one AdamW step on one element. No contraction to fma: the
// same bits on every instruction set.

#include <cmath>

#include "runtime/kernels/adamw.h"
#include "runtime/kernels/functor.h"

namespace perdure::kernels {

struct AdamWUpdate {
  float grad_scale;
  float beta1, one_minus_beta1;
  float beta2, one_minus_beta2;
  float eps;
  float decay;               // 1 - lr * weight decay
  float step_size;           // lr / (1 - beta1^t)
  float inverse_correction;  // 1 / sqrt(1 - beta2^t)

  // Constants that depend on the step are formed in fp64, as PyTorch does.
  explicit AdamWUpdate(const AdamWSettings& s)
      : grad_scale(s.grad_scale),
        beta1(s.beta1),
        one_minus_beta1(static_cast<float>(1.0 - double{s.beta1})),
        beta2(s.beta2),
        one_minus_beta2(static_cast<float>(1.0 - double{s.beta2})),
        eps(s.eps),
        decay(static_cast<float>(1.0 - double{s.lr} * double{s.weight_decay})),
        step_size(static_cast<float>(
            double{s.lr} /
            (1.0 - std::pow(double{s.beta1}, static_cast<double>(s.step))))),
        inverse_correction(static_cast<float>(
            1.0 / std::sqrt(1.0 - std::pow(double{s.beta2},
                                           static_cast<double>(s.step))))) {}

  // Returns the new parameter.
  PERDURE_FUNCTOR float operator()(float grad, float param, float& m,
                                   float& v) const {
    const float g = grad * grad_scale;
    m = beta1 * m + one_minus_beta1 * g;
    v = beta2 * v + one_minus_beta2 * (g * g);
    const float denominator = std::sqrt(v) * inverse_correction + eps;
    return param * decay - step_size * (m / denominator);
  }
};

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ADAMW_UPDATE_H_
