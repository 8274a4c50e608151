#include "runtime/data/blend.h"

#include <cmath>

namespace perdure {
namespace {

constexpr int kFractionBits = 53;

// How many of the first `n` samples of a node go left: n * share, rounded.
// Integers, so that every machine agrees; share = 1 takes all, 0 none.
int64_t GoneLeft(int64_t n, uint64_t share) {
  const auto product = static_cast<unsigned __int128>(n) * share;
  const auto half = static_cast<unsigned __int128>(1) << (kFractionBits - 1);
  return static_cast<int64_t>((product + half) >> kFractionBits);
}

}  // namespace

Blend::Blend(const std::vector<double>& weights) {
  cumulative_.push_back(0);
  for (const double weight : weights) {
    cumulative_.push_back(cumulative_.back() + weight);
  }
}

uint64_t Blend::LeftShare(int begin, int end) const {
  const int middle = (begin + end) / 2;
  const double all = cumulative_[end] - cumulative_[begin];
  const double left = cumulative_[middle] - cumulative_[begin];
  if (all <= 0) return 0;  // never reached by a sample
  return static_cast<uint64_t>(std::ldexp(left / all, kFractionBits));
}

// Down a binary tree over the sources: each node deals its samples, which are
// numbered from 0, to its two halves as evenly as the ratio allows, and a half
// numbers its own from 0 again.
Blend::Place Blend::Locate(int64_t sample) const {
  int begin = 0;
  int end = static_cast<int>(cumulative_.size()) - 1;
  while (end - begin > 1) {
    const uint64_t share = LeftShare(begin, end);
    const int64_t left = GoneLeft(sample, share);
    if (GoneLeft(sample + 1, share) > left) {
      end = (begin + end) / 2;
      sample = left;
    } else {
      begin = (begin + end) / 2;
      sample -= left;
    }
  }
  return {begin, sample};
}

}  // namespace perdure
