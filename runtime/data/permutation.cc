#include "runtime/data/permutation.h"

#include <bit>

namespace perdure {
namespace {

// Four rounds of each half; four in all already give a pseudo-random
// permutation (Luby & Rackoff 1988), the rest is for the very short halves.
constexpr uint32_t kRounds = 8;

}  // namespace

Permutation::Permutation(int64_t n, PhiloxKey key, int64_t epoch)
    : n_(static_cast<uint64_t>(n)),
      key_(key),
      epoch_(static_cast<uint64_t>(epoch)) {
  const int bits = n_ > 1 ? std::bit_width(n_ - 1) : 0;
  low_bits_ = (bits + 1) / 2;
  high_bits_ = bits / 2;
}

int64_t Permutation::operator()(int64_t index) const {
  auto x = static_cast<uint64_t>(index);
  // The domain is less than twice n, so fewer than two turns on average.
  do {
    x = Feistel(x);
  } while (x >= n_);
  return static_cast<int64_t>(x);
}

uint64_t Permutation::Feistel(uint64_t x) const {
  const uint64_t low_mask = (uint64_t{1} << low_bits_) - 1;
  const uint64_t high_mask = (uint64_t{1} << high_bits_) - 1;
  uint64_t low = x & low_mask;
  uint64_t high = x >> low_bits_;
  // Each round changes one half by a function of the other, and so can be
  // undone: the whole is a bijection whatever Philox returns.
  for (uint32_t round = 0; round < kRounds; ++round) {
    const uint64_t half = round % 2 == 0 ? high : low;
    const PhiloxCounter bits = Philox4x32(
        {static_cast<uint32_t>(half), round, static_cast<uint32_t>(epoch_),
         static_cast<uint32_t>(epoch_ >> 32)},
        key_);
    if (round % 2 == 0) {
      low ^= bits[0] & low_mask;
    } else {
      high ^= bits[0] & high_mask;
    }
  }
  return high << low_bits_ | low;
}

}  // namespace perdure
