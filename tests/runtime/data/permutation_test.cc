#include "runtime/data/permutation.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace perdure {
namespace {

PhiloxKey Key(uint64_t seed) { return MakeKey(seed, NoiseStream::kShuffle, 0); }

TEST(PermutationTest, IsABijectionForEverySmallSize) {
  for (int64_t n = 1; n <= 600; ++n) {
    const Permutation order(n, Key(n), /*epoch=*/n % 7);
    std::vector<bool> seen(n);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = order(i);
      ASSERT_GE(at, 0);
      ASSERT_LT(at, n);
      ASSERT_FALSE(seen[at]) << n << " " << i;
      seen[at] = true;
    }
  }
}

TEST(PermutationTest, IsABijectionAroundPowersOfTwo) {
  for (const int64_t n : {65535, 65536, 65537, 131072, 100003}) {
    const Permutation order(n, Key(3), 0);
    std::vector<bool> seen(n);
    for (int64_t i = 0; i < n; ++i) seen[order(i)] = true;
    for (int64_t i = 0; i < n; ++i) ASSERT_TRUE(seen[i]) << n;
  }
}

TEST(PermutationTest, StaysInsideVeryLargeRanges) {
  const int64_t n = (int64_t{1} << 50) + 12345;
  const Permutation order(n, Key(1), 5);
  for (int64_t i = 0; i < 1000; ++i) {
    const int64_t at = order(n - 1 - i);
    EXPECT_GE(at, 0);
    EXPECT_LT(at, n);
  }
}

TEST(PermutationTest, EpochsAndSeedsGiveOtherOrders) {
  constexpr int64_t kN = 10000;
  const Permutation one(kN, Key(1), 0);
  const Permutation next_epoch(kN, Key(1), 1);
  const Permutation other_seed(kN, Key(2), 0);
  int same_epoch = 0, same_seed = 0;
  for (int64_t i = 0; i < kN; ++i) {
    same_epoch += one(i) == next_epoch(i);
    same_seed += one(i) == other_seed(i);
  }
  // Two random orders agree at 1 place on average.
  EXPECT_LT(same_epoch, 10);
  EXPECT_LT(same_seed, 10);
}

// Where the first element goes, over many epochs: uniform by chi-squared.
TEST(PermutationTest, PlacesAreUniformOverEpochs) {
  constexpr int kN = 20;
  constexpr int kEpochs = 20000;
  for (const int64_t index : {0, 7, 19}) {
    std::vector<int> count(kN);
    for (int epoch = 0; epoch < kEpochs; ++epoch) {
      ++count[Permutation(kN, Key(9), epoch)(index)];
    }
    double chi2 = 0;
    const double expected = static_cast<double>(kEpochs) / kN;
    for (const int c : count)
      chi2 += (c - expected) * (c - expected) / expected;
    EXPECT_LT(chi2, 50) << index;  // 19 degrees of freedom: p < 1e-4
  }
}

// Neighbours must not stay neighbours, or batches would be runs of text.
TEST(PermutationTest, NeighboursAreScattered) {
  constexpr int64_t kN = 100000;
  const Permutation order(kN, Key(4), 0);
  double distance = 0;
  for (int64_t i = 0; i + 1 < kN; ++i) {
    distance += std::abs(static_cast<double>(order(i + 1) - order(i)));
  }
  EXPECT_NEAR(distance / (kN - 1), kN / 3.0, kN * 0.01);
}

// The order is part of what a stored run resumes with.
TEST(PermutationTest, OrderIsFrozen) {
  const Permutation order(1000, Key(1337), 0);
  EXPECT_EQ(order(0), 948);
  EXPECT_EQ(order(1), 822);
  EXPECT_EQ(order(999), 968);
}

}  // namespace
}  // namespace perdure
