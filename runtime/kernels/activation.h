#ifndef PERDURE_RUNTIME_KERNELS_ACTIVATION_H_
#define PERDURE_RUNTIME_KERNELS_ACTIVATION_H_

// Element-wise activations; inputs and outputs fp32 or bf16 (all of one call
// alike), arithmetic fp32. Rows may be strided.

#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure::kernels {

enum class Activation {
  kGeluTanh,  // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  kGelu,      // x Phi(x), with erf
  kRelu,
  kSilu,  // x sigmoid(x)
};

void ActivationForward(StreamView stream, Activation kind, ConstMatrixView x,
                       MatrixView y);
// dx = dy * f'(x); dx may be dy.
void ActivationBackward(StreamView stream, Activation kind, ConstMatrixView x,
                        ConstMatrixView dy, MatrixView dx);

// y = silu(gate) * up ("SwiGLU", Shazeer 2020); f may be any kind.
void GatedForward(StreamView stream, Activation kind, ConstMatrixView gate,
                  ConstMatrixView up, MatrixView y);

// What GatedBackward reads and writes, all of one shape and dtype.
struct GatedGradients {
  ConstMatrixView gate;
  ConstMatrixView up;
  ConstMatrixView dy;
  MatrixView dgate;
  MatrixView dup;
};
void GatedBackward(StreamView stream, Activation kind,
                   const GatedGradients& views);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ACTIVATION_H_
