#include "parallel/engine/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace perdure {
namespace {

using testing::ElementsAre;

TEST(SharesTest, EqualSpeedsGiveEvenShares) {
  EXPECT_THAT(EvenShares(8, 3), ElementsAre(3, 3, 2));
  EXPECT_THAT(SharesBySpeed(8, {1, 1, 1}), ElementsAre(3, 3, 2));
  EXPECT_THAT(SharesBySpeed(2, {1, 1, 1}), ElementsAre(1, 1, 0));
}

TEST(SharesTest, ASlowReplicaGetsLess) {
  EXPECT_THAT(SharesBySpeed(16, {1, 1, 0.25, 1}), ElementsAre(5, 5, 1, 5));
  // Not even one, if the others are done with it earlier.
  EXPECT_THAT(SharesBySpeed(4, {1, 1, 0.25}), ElementsAre(2, 2, 0));
}

TEST(SharesTest, RangesLieEndToEnd) {
  const std::vector<int64_t> counts = {5, 0, 3};
  EXPECT_EQ(ShareOf(counts, 0), (Range{0, 5}));
  EXPECT_EQ(ShareOf(counts, 1), (Range{5, 5}));
  EXPECT_EQ(ShareOf(counts, 2), (Range{5, 8}));
}

// Against all ways to share.
TEST(SharesTest, NoOtherSharesAreDoneEarlier) {
  const std::vector<double> speeds = {1, 0.7, 0.33};
  for (int64_t n = 0; n <= 12; ++n) {
    const std::vector<int64_t> chosen = SharesBySpeed(n, speeds);
    EXPECT_EQ(std::accumulate(chosen.begin(), chosen.end(), int64_t{0}), n);
    double best = 1e9;
    for (int64_t a = 0; a <= n; ++a) {
      for (int64_t b = 0; a + b <= n; ++b) {
        best = std::min(best, TimeOf({a, b, n - a - b}, speeds));
      }
    }
    EXPECT_DOUBLE_EQ(TimeOf(chosen, speeds), best) << n;
  }
}

}  // namespace
}  // namespace perdure
