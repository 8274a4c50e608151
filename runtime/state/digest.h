#ifndef PERDURE_RUNTIME_STATE_DIGEST_H_
#define PERDURE_RUNTIME_STATE_DIGEST_H_

// A tensor's digest: the sum mod 2^64 over its elements of Mix(index in the
// whole tensor, bits). The order of the elements plays no part, so the digests
// of shards add up to the tensor's, however it is cut. It tells equal tensors
// from different ones; it is no defence against somebody who wants to deceive.
// Part of the stored format: docs/snapshot-format.md.

#include <cstdint>

#include "runtime/state/train_state.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

inline constexpr uint64_t kDigestStep = 0x9E3779B97F4A7C15u;
inline constexpr uint32_t kDigestFactor = 0x85EBCA77u;

// `bits`: the element's, zero-extended.
constexpr uint64_t Mix(uint64_t index, uint64_t bits) {
  const uint64_t u = ((index + 1) * kDigestStep) ^ bits;
  const uint64_t z = u + (u & 0xffffffffu) * ((u >> 32) | 1);
  const uint64_t w = z ^ (z >> 29);
  return w + (w & 0xffffffffu) * kDigestFactor;
}

// Of elements begin, begin + 1, ... of a tensor, n of them at `data` (any
// address).
uint64_t Digest(DType dtype, const void* data, uint64_t begin, uint64_t n);

// A piece's part in the digest of several tensors together: that of its
// elements times NameHash(its tensor's name) | 1. Such parts add up too.
uint64_t StateDigest(const StatePiece& piece);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_STATE_DIGEST_H_
