#ifndef PERDURE_RUNTIME_OPTIM_BOX_MULLER_H_
#define PERDURE_RUNTIME_OPTIM_BOX_MULLER_H_

// Two normal numbers from two words (Box and Muller, 1958), by operations that
// IEEE 754 defines to the last bit: integers, fma, multiplication, square root
// and conversion of integers. The lanes of noise-inl.h do the same.

#include <bit>
#include <cmath>
#include <cstdint>

#include "runtime/optim/noise_formula.h"

namespace perdure {

struct NormalPair {
  float cosine;
  float sine;
};

// terms[0] + x terms[1] + x^2 terms[2] ...
template <int kTerms>
float Polynomial(const float (&terms)[kTerms], float x) {
  float sum = terms[kTerms - 1];
  for (int i = kTerms - 2; i >= 0; --i) sum = std::fma(sum, x, terms[i]);
  return sum;
}

// sqrt(-2 ln u), u the uniform number that word `a` makes.
inline float NormalRadius(uint32_t a) {
  namespace nf = noise_formula;
  const float magnitude =
      std::fabs(static_cast<float>(static_cast<int32_t>(a)));
  const float u = std::fma(magnitude, nf::kUniformScale, nf::kUniformOffset);
  const int32_t bits = std::bit_cast<int32_t>(u);
  const int32_t exponent = (bits - nf::kSqrtHalfBits) & nf::kExponentBits;
  const float f = std::bit_cast<float>(bits - exponent) - 1.0f;
  return std::sqrt(std::fma(f, Polynomial(nf::kLogTerms, f),
                            static_cast<float>(exponent) * nf::kLogOfTwo));
}

inline NormalPair BoxMuller(uint32_t a, uint32_t b) {
  namespace nf = noise_formula;
  const float radius = NormalRadius(a);
  const float t = static_cast<float>(static_cast<int32_t>(b)) * nf::kAngleScale;
  const float square = t * t;
  const float sine = t * Polynomial(nf::kSineTerms, square);
  // The angle is within a quarter turn of 0; the highest bit of `a`, which the
  // radius does not depend on, says on which side.
  const float cosine = std::bit_cast<float>(
      std::bit_cast<uint32_t>(Polynomial(nf::kCosineTerms, square)) ^
      (a & 0x80000000u));
  return {radius * cosine, radius * sine};
}

}  // namespace perdure

#endif  // PERDURE_RUNTIME_OPTIM_BOX_MULLER_H_
