#ifndef PERDURE_RUNTIME_OPTIM_NOISE_H_
#define PERDURE_RUNTIME_OPTIM_NOISE_H_

// The random directions of zeroth-order training: z(parameter name, element of
// the whole tensor, step, direction, run seed), a pure function (design I3).
// Every slice of a tensor, on any rank, thread or instruction set, has the same
// bits. docs/noise.md is the definition; this file is its scalar reading.

#include <cstdint>

#include "absl/strings/string_view.h"
#include "runtime/base/philox.h"

namespace perdure {

// Values are part of the stored format.
enum class NoiseKind : uint32_t { kGaussian = 1, kRademacher = 2 };

// The definition of the bits. Another one is another number.
inline constexpr int kNoiseVersion = 1;

// One random vector over one tensor. Steps count from 1, directions from 0.
struct Direction {
  PhiloxKey key;  // DirectionKey
  NoiseKind kind = NoiseKind::kGaussian;
  uint32_t step = 0;
  uint32_t index = 0;
};

// `name` is the parameter's canonical Hugging Face name; of tied weights that
// of the one they share.
PhiloxKey DirectionKey(uint64_t seed, absl::string_view name);
// Of the bits that round a parameter's 16-bit updates; never those of a
// direction.
PhiloxKey RoundingKey(uint64_t seed, absl::string_view name);

// Element `element` (row-major in the whole tensor) of a direction.
float NoiseAt(const Direction& direction, int64_t element);
// The 16 bits that round the update of an element in a step.
uint32_t RoundingBitsAt(PhiloxKey key, uint32_t step, int64_t element);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_OPTIM_NOISE_H_
