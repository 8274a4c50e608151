#ifndef PERDURE_RUNTIME_BASE_PHILOX_H_
#define PERDURE_RUNTIME_BASE_PHILOX_H_

// Philox4x32-10: a counter-based generator (Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A pure function of counter and key:
// any element of any stream, on any rank, in any order, has the same bits.

#include <array>
#include <cstddef>
#include <cstdint>

namespace perdure {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

inline PhiloxCounter Philox4x32(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// Which use a stream serves. The tag is part of the key, so no two uses of one
// seed ever draw the same bits. Values are part of the stored format.
enum class NoiseStream : uint32_t {
  kInit = 1,  // initial weights
  kDropout = 2,
  kShuffle = 3,    // data order
  kSample = 4,     // sampled generation
  kDirection = 5,  // zeroth-order directions
  kRounding = 6,   // stochastic rounding
};

// A key from a seed, a stream and a salt (such as a hash of a parameter name).
PhiloxKey MakeKey(uint64_t seed, NoiseStream stream, uint64_t salt);

// FNV-1a of a name, 64 bits; part of the definition of every named stream.
uint64_t NameHash(const char* data, size_t size);

// Uniform in [0, 1) from the upper 24 bits.
inline float UniformFromBits(uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

}  // namespace perdure

#endif  // PERDURE_RUNTIME_BASE_PHILOX_H_
