#ifndef PERDURE_RUNTIME_OPTIM_ZEROTH_ORDER_H_
#define PERDURE_RUNTIME_OPTIM_ZEROTH_ORDER_H_

// Updates and perturbations of zeroth-order training, fused into one pass over
// memory. The arithmetic, element by element (docs/noise.md):
//   acc   = fma(c_K, z_K, ... fma(c_2, z_2, c_1 * z_1))        fp32
//   theta = round(fma(decay, theta, acc))                      once a step
//   plus, minus = nearest(fma(+-scale, z, theta))              theta untouched
// Replaying steps t .. t + n in one pass is bit-identical to n passes.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "runtime/optim/noise.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

// How 16-bit weights take an update. Values are part of the stored format.
enum class Rounding : uint32_t {
  kNearest = 1,     // small updates vanish; for comparison
  kStochastic = 2,  // right on average
};

// One finished step: all that its update depends on.
struct ZerothOrderUpdate {
  int64_t step = 0;
  NoiseKind kind = NoiseKind::kGaussian;
  std::vector<float> coefficients;  // [K], multiply z_k: -lr g_k / K
  float decay = 1;                  // multiplies parameters that decay
  bool skipped = false;             // a bad step: theta stays as it is
};

// What the update of one tensor is keyed by.
struct TensorNoise {
  PhiloxKey direction;
  PhiloxKey rounding;
  bool decays = false;
  Rounding rounding_mode = Rounding::kStochastic;
};

// Consecutive elements [first, first + size) of a whole tensor.
struct WeightSpan {
  int64_t first = 0;
  int64_t size = 0;
  DType dtype = DType::kF32;  // kF32 or kBF16
  void* weights = nullptr;    // [size]
  // [size] fp32: what is updated and perturbed where there is one; the weights
  // are its rounding to nearest.
  float* master = nullptr;
};

// theta +- scale z of one direction, in the span's dtype. Either may be
// nullptr.
struct Perturbation {
  NoiseKind kind = NoiseKind::kGaussian;
  uint32_t step = 0;
  uint32_t direction = 0;
  float scale = 0;
  void* plus = nullptr;   // [size]
  void* minus = nullptr;  // [size]
};

// The kernels of one instruction set; all sets give the same bits. Stateless:
// any thread may call them. One call runs on the calling thread.
struct ZerothOrderKernels {
  const char* isa;
  // out [n] = elements [first, first + n) of the direction.
  void (*fill)(const Direction& direction, int64_t first, int64_t n,
               float* out);
  // First the updates in order (skipped ones do nothing), then the
  // perturbation of the result; either may be missing.
  void (*apply)(const TensorNoise& tensor,
                absl::Span<const ZerothOrderUpdate> updates,
                const WeightSpan& span, const Perturbation* perturbation);
};

// Those of the best instruction set of this CPU.
const ZerothOrderKernels& BestZerothOrderKernels();
// Every set that this CPU runs, scalar first; for tests and benchmarks.
std::vector<ZerothOrderKernels> AllZerothOrderKernels();

}  // namespace perdure

#endif  // PERDURE_RUNTIME_OPTIM_ZEROTH_ORDER_H_
