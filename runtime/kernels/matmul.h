#ifndef PERDURE_RUNTIME_KERNELS_MATMUL_H_
#define PERDURE_RUNTIME_KERNELS_MATMUL_H_

// Matrix products by oneDNN, with primitives cached by shape.
//
// Reproducibility (I5 rests on it, matmul_test asserts it): where
// HasReproducibleMatmul(), a row of C has the same bits for every M and every
// thread count. With transpose_a the sum runs over rows of A, whose number is
// then K: the same bits for every thread count.

#include <memory>

#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure {

struct MatmulOptions {
  bool transpose_a = false;     // A is stored [K, M]
  bool transpose_b = false;     // B is stored [N, K]
  bool accumulate = false;      // C += A B instead of C = A B
  const float* bias = nullptr;  // [N], added to every row; not with accumulate
};

// True where bf16 products run natively (AVX512-BF16 or AMX).
bool HasNativeBf16Matmul();
// True where oneDNN's blocked kernels run (AVX-512). Below, its older kernels
// add in an order that depends on M and the thread count.
bool HasReproducibleMatmul();

// One per rank; thread-compatible. Owns the primitive cache and the scratch.
class Matmul {
 public:
  // native_bf16 = false widens bf16 operands to fp32 before the product.
  explicit Matmul(bool native_bf16 = HasNativeBf16Matmul());
  ~Matmul();
  Matmul(const Matmul&) = delete;
  Matmul& operator=(const Matmul&) = delete;

  // C [M, N] = A [M, K] B [K, N]. a and b have one dtype (kF32 or kBF16); c is
  // kF32, or kBF16 with bf16 inputs (not with accumulate). Sums are fp32. Rows
  // may be strided: such operands are copied to scratch of stream.device first.
  // Shapes that do not fit are programmer errors (CHECK). M, N or K of 0 is
  // allowed (K = 0: C = bias or 0).
  void Run(StreamView stream, ConstMatrixView a, ConstMatrixView b,
           MatrixView c, const MatmulOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_KERNELS_MATMUL_H_
