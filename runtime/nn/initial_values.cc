#include "runtime/nn/initial_values.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace perdure {
namespace {

// Box-Muller: two normal numbers from two words. In double, so that one libm's
// rounding hardly ever shows in the float.
void BoxMuller(uint32_t a, uint32_t b, float* out) {
  const double u = (static_cast<double>(a) + 1.0) * 0x1p-32;  // (0, 1]
  const double angle =
      2.0 * std::numbers::pi * static_cast<double>(b) * 0x1p-32;
  const double radius = std::sqrt(-2.0 * std::log(u));
  out[0] = static_cast<float>(radius * std::cos(angle));
  out[1] = static_cast<float>(radius * std::sin(angle));
}

PhiloxCounter BitsOf(PhiloxKey key, int64_t block) {
  const uint64_t counter = static_cast<uint64_t>(block);
  return Philox4x32({static_cast<uint32_t>(counter),
                     static_cast<uint32_t>(counter >> 32), 0, 0},
                    key);
}

// Elements 4 * block .. 4 * block + 3 of normal noise.
void NoiseBlock(PhiloxKey key, int64_t block, float* out) {
  const PhiloxCounter bits = BitsOf(key, block);
  BoxMuller(bits[0], bits[1], out);
  BoxMuller(bits[2], bits[3], out + 2);
}

// Elements 4 * block .. 4 * block + 3 of uniform noise in +-sqrt(3).
void UniformBlock(PhiloxKey key, int64_t block, float* out) {
  const PhiloxCounter bits = BitsOf(key, block);
  for (size_t i = 0; i < bits.size(); ++i) {
    out[i] = static_cast<float>(std::numbers::sqrt3) *
             (2.0f * UniformFromBits(bits[i]) - 1.0f);
  }
}

}  // namespace

float InitialNoise(PhiloxKey key, int64_t index) {
  float noise[4];
  NoiseBlock(key, index / 4, noise);
  return noise[index % 4];
}

void InitialValues(const ParamSpec& spec, uint64_t seed, int64_t first,
                   int64_t n, float* values) {
  if (spec.init == Init::kZeros || spec.init == Init::kOnes) {
    std::fill(values, values + n, spec.init == Init::kOnes ? 1.0f : 0.0f);
    return;
  }
  const std::string& name = spec.alias_of.empty() ? spec.name : spec.alias_of;
  const PhiloxKey key =
      MakeKey(seed, NoiseStream::kInit, NameHash(name.data(), name.size()));
  float noise[4];
  int64_t held = -1;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t block = (first + i) / 4;
    if (block != held) {
      spec.init == Init::kUniform ? UniformBlock(key, block, noise)
                                  : NoiseBlock(key, block, noise);
    }
    held = block;
    values[i] = static_cast<float>(spec.init_std) * noise[(first + i) % 4];
  }
}

}  // namespace perdure
