// Do the numbers look like what they claim to be? Seeds are fixed: each test
// passes or fails for good. Every statistic is in units of its own standard
// deviation under the hypothesis that the numbers are independent.

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/optim/noise.h"
#include "runtime/optim/zeroth_order.h"

namespace perdure {
namespace {

constexpr int64_t kMany = 1 << 24;
constexpr double kLimit = 4.5;  // one in 150,000 chance each

std::vector<float> Draw(NoiseKind kind, const char* name, uint32_t step,
                        uint32_t index) {
  std::vector<float> z(kMany);
  BestZerothOrderKernels().fill(
      {DirectionKey(20260101, name), kind, step, index}, 0, kMany, z.data());
  return z;
}

double RootOf(int64_t n) { return std::sqrt(static_cast<double>(n)); }

// Of x[i] y[i + lag] and, for numbers that may be large, of their squares.
double Correlation(const std::vector<float>& x, const std::vector<float>& y,
                   int64_t lag) {
  double sum = 0;
  for (int64_t i = 0; i + lag < kMany; ++i) sum += double{x[i]} * y[i + lag];
  return sum / RootOf(kMany - lag);
}

double SquareCorrelation(const std::vector<float>& x,
                         const std::vector<float>& y, int64_t lag) {
  double sum = 0;
  for (int64_t i = 0; i + lag < kMany; ++i) {
    sum += (double{x[i]} * x[i] - 1) * (double{y[i + lag]} * y[i + lag] - 1);
  }
  return sum / (2 * RootOf(kMany - lag));
}

TEST(NoiseStatisticsTest, GaussianMoments) {
  const std::vector<float> z = Draw(NoiseKind::kGaussian, "a", 1, 0);
  double sums[5] = {};
  for (double x : z) {
    double power = x;
    for (int k = 1; k <= 4; ++k, power *= x) sums[k] += power;
  }
  const double root = RootOf(kMany);
  const double n = static_cast<double>(kMany);
  EXPECT_LE(std::fabs(sums[1] / root), kLimit);
  EXPECT_LE(std::fabs((sums[2] - n) / root / std::sqrt(2)), kLimit);
  // Raw moments: Var(x^3) = 15, Var(x^4) = 96.
  EXPECT_LE(std::fabs(sums[3] / root / std::sqrt(15)), kLimit);
  EXPECT_LE(std::fabs((sums[4] - 3 * n) / root / std::sqrt(96)), kLimit);
}

TEST(NoiseStatisticsTest, GaussianTails) {
  const std::vector<float> z = Draw(NoiseKind::kGaussian, "a", 2, 0);
  for (int sigma = 1; sigma <= 5; ++sigma) {
    const double p = std::erfc(sigma / std::sqrt(2)) / 2;
    const double limit = kLimit * std::sqrt(p * (1 - p)) * RootOf(kMany);
    int64_t above = 0, below = 0;
    for (float x : z) {
      above += x > static_cast<float>(sigma);
      below += x < static_cast<float>(-sigma);
    }
    EXPECT_LE(std::fabs(static_cast<double>(above) - p * kMany), limit)
        << sigma;
    EXPECT_LE(std::fabs(static_cast<double>(below) - p * kMany), limit)
        << sigma;
  }
}

// Chi-square of 1024 bins of equal probability.
TEST(NoiseStatisticsTest, GaussianDistributionFunction) {
  constexpr int kBins = 1024;
  const std::vector<float> z = Draw(NoiseKind::kGaussian, "a", 3, 0);
  std::vector<int64_t> counts(kBins);
  for (double x : z) {
    const double p = std::erfc(-x / std::sqrt(2)) / 2;
    ++counts[std::min(static_cast<size_t>(p * kBins), size_t{kBins - 1})];
  }
  const double expected = static_cast<double>(kMany) / kBins;
  double chi_square = 0;
  for (int64_t count : counts) {
    const double d = static_cast<double>(count) - expected;
    chi_square += d * d / expected;
  }
  EXPECT_LE(std::fabs(chi_square - (kBins - 1)) / std::sqrt(2 * (kBins - 1)),
            kLimit);
}

// 16: the other number of a Box-Muller pair; 32: the other pair of a counter;
// 64: the next group of counters.
TEST(NoiseStatisticsTest, GaussianElementsAreIndependentOfTheirNeighbours) {
  const std::vector<float> z = Draw(NoiseKind::kGaussian, "a", 4, 0);
  for (int64_t lag : {1, 2, 16, 32, 48, 64, 2048}) {
    EXPECT_LE(std::fabs(Correlation(z, z, lag)), kLimit) << lag;
    EXPECT_LE(std::fabs(SquareCorrelation(z, z, lag)), kLimit) << lag;
  }
}

TEST(NoiseStatisticsTest, StepsDirectionsAndTensorsAreIndependent) {
  for (NoiseKind kind : {NoiseKind::kGaussian, NoiseKind::kRademacher}) {
    const std::vector<float> z = Draw(kind, "a", 5, 0);
    for (const auto& other : {Draw(kind, "a", 6, 0), Draw(kind, "a", 5, 1),
                              Draw(kind, "b", 5, 0)}) {
      EXPECT_LE(std::fabs(Correlation(z, other, 0)), kLimit);
      EXPECT_LE(std::fabs(Correlation(z, other, 1)), kLimit);
      if (kind == NoiseKind::kRademacher) continue;
      EXPECT_LE(std::fabs(SquareCorrelation(z, other, 0)), kLimit);
    }
  }
}

TEST(NoiseStatisticsTest, RademacherIsBalancedAndItsBitsAreIndependent) {
  const std::vector<float> z = Draw(NoiseKind::kRademacher, "a", 7, 0);
  double sum = 0;
  for (float x : z) {
    ASSERT_EQ(std::fabs(x), 1.0f);
    sum += x;
  }
  EXPECT_LE(std::fabs(sum) / RootOf(kMany), kLimit);
  for (int64_t lag : {1, 2, 16, 31, 32, 64, 96, 128, 2048}) {
    EXPECT_LE(std::fabs(Correlation(z, z, lag)), kLimit) << lag;
  }
  // Each of the 128 bits of a block by itself.
  double bits[128] = {};
  for (int64_t i = 0; i < kMany; ++i) bits[i % 128] += z[i];
  for (double bit : bits)
    EXPECT_LE(std::fabs(bit) / RootOf(kMany / 128), kLimit);
}

TEST(NoiseStatisticsTest, RoundingBitsAreUniformAndNotThoseOfADirection) {
  constexpr int64_t kCount = 1 << 20;
  const PhiloxKey key = RoundingKey(20260101, "a");
  const Direction direction = {DirectionKey(20260101, "a"),
                               NoiseKind::kRademacher, 8, 0};
  double sum = 0, products = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const uint32_t bits = RoundingBitsAt(key, 8, i);
    ASSERT_LT(bits, 1u << 16);
    const double centred = (bits - 32767.5) / 65536 * std::sqrt(12);
    sum += centred;
    products += centred * NoiseAt(direction, i);
  }
  EXPECT_LE(std::fabs(sum) / RootOf(kCount), kLimit);
  EXPECT_LE(std::fabs(products) / RootOf(kCount), kLimit);
}

}  // namespace
}  // namespace perdure
