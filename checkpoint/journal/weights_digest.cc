#include "checkpoint/journal/weights_digest.h"

#include "runtime/base/philox.h"

namespace perdure {
namespace {

// The finalizer of splitmix64 (Steele et al. 2014).
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

template <typename Bits>
uint64_t Sum(const StatePiece& piece) {
  const uint64_t key = Mix(NameHash(piece.tensor.data(), piece.tensor.size()));
  const Bits* bits = static_cast<const Bits*>(piece.data);
  uint64_t sum = 0;
  for (int64_t i = piece.begin; i < piece.end; ++i) {
    const uint64_t place = static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15u;
    sum += Mix((key + place) ^ (uint64_t{bits[i - piece.begin]} << 32));
  }
  return sum;
}

}  // namespace

uint64_t WeightsDigest(const StatePiece& piece) {
  return SizeOf(piece.dtype) == 2 ? Sum<uint16_t>(piece) : Sum<uint32_t>(piece);
}

}  // namespace perdure
