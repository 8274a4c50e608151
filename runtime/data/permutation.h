#ifndef PERDURE_RUNTIME_DATA_PERMUTATION_H_
#define PERDURE_RUNTIME_DATA_PERMUTATION_H_

// A random order without a table: a keyed bijection of [0, n) that is evaluated
// at one point in O(1) (Black & Rogaway, "Ciphers with arbitrary finite
// domains", 2002: a Feistel network on the next power of two, walked along its
// cycle until it falls inside). So any rank finds the sample at any position of
// any epoch, also after a restart, with no state. Part of what fixes the data
// order: a change would break the resumption of stored runs.

#include <cstdint>

#include "runtime/base/philox.h"

namespace perdure {

class Permutation {
 public:
  // The order of epoch `epoch` of `n` things; `key` tells streams apart.
  Permutation(int64_t n, PhiloxKey key, int64_t epoch);
  // For 0 <= index < n.
  int64_t operator()(int64_t index) const;

 private:
  uint64_t Feistel(uint64_t x) const;

  uint64_t n_;
  PhiloxKey key_;
  uint64_t epoch_;
  int low_bits_;   // of the two halves of an index, in bits;
  int high_bits_;  // low_bits_ - high_bits_ is 0 or 1
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_PERMUTATION_H_
