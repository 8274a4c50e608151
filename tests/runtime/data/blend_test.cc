#include "runtime/data/blend.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace perdure {
namespace {

TEST(BlendTest, EachSourceIsNumberedWithoutGaps) {
  const Blend blend({0.5, 3, 1.25, 0.01, 2});
  std::vector<int64_t> next(5, 0);
  for (int64_t i = 0; i < 20000; ++i) {
    const Blend::Place place = blend.Locate(i);
    ASSERT_EQ(place.index, next[place.source]) << i;
    ++next[place.source];
  }
}

TEST(BlendTest, SharesHoldAfterAnyNumberOfSamples) {
  const std::vector<double> weights = {0.5, 3, 1.25, 0.01, 2};
  const double sum = 6.76;
  const Blend blend(weights);
  std::vector<int64_t> count(5, 0);
  for (int64_t i = 0; i < 20000; ++i) {
    ++count[blend.Locate(i).source];
    for (int s = 0; s < 5; ++s) {
      ASSERT_LE(std::abs(count[s] - (i + 1) * weights[s] / sum), 4) << i;
    }
  }
}

TEST(BlendTest, WeightZeroIsNeverDrawn) {
  const Blend blend({0, 1, 0, 2, 0});
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(blend.Locate(i).source % 2, 1);
  }
}

TEST(BlendTest, OneSourceGetsEverything) {
  const Blend blend({0.3});
  EXPECT_EQ(blend.Locate(12345).source, 0);
  EXPECT_EQ(blend.Locate(12345).index, 12345);
}

TEST(BlendTest, FarAwaySamplesStayExact) {
  const Blend blend({1, 2});
  const int64_t far = int64_t{1} << 52;
  const Blend::Place a = blend.Locate(far);
  EXPECT_NEAR(static_cast<double>(a.index),
              static_cast<double>(far) * (a.source == 0 ? 1 : 2) / 3, 3.0);
}

}  // namespace
}  // namespace perdure
