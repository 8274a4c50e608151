#include <cmath>

#include "runtime/kernels/attention.h"
#include "tests/runtime/kernels/reference.h"

namespace perdure::kernels {
namespace {

constexpr double kTheta = 10000.0;

// Rotates the pairs (i, i + dh/2) of every head in fp64.
Doubles Rotated(const Doubles& x, int64_t heads, int64_t head_dim,
                const std::vector<int32_t>& positions) {
  Doubles y(x.size());
  const int64_t half = head_dim / 2;
  for (size_t row = 0; row < positions.size(); ++row) {
    for (int64_t head = 0; head < heads; ++head) {
      const size_t at = (row * heads + head) * head_dim;
      for (int64_t i = 0; i < half; ++i) {
        const double angle =
            positions[row] * std::pow(kTheta, -2.0 * i / head_dim);
        const double a = x[at + i], b = x[at + half + i];
        y[at + i] = a * std::cos(angle) - b * std::sin(angle);
        y[at + half + i] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
  }
  return y;
}

class RotaryTest : public testing::TestWithParam<int64_t> {};

INSTANTIATE_TEST_SUITE_P(HeadDims, RotaryTest, testing::Values(2, 10, 64, 128));

TEST_P(RotaryTest, PairsOfTheTwoHalvesTurn) {
  const std::vector<int32_t> positions = {0, 1, 2, 40, 7};
  for (DType dtype : {DType::kF32, DType::kBF16}) {
    const Matrix x = Matrix::Random(5, 3 * GetParam(), 1, dtype, 9);
    const Doubles expected = Rotated(ToDoubles(x), 3, GetParam(), positions);
    OnEveryInstructionSet([&] {
      Matrix y = x;
      RotaryEmbedding(Threads(1), y.view(), 3, positions.data(),
                      {GetParam(), kTheta});
      ExpectClose(ToDoubles(y), expected, Tolerance(dtype, 1e-5));
      EXPECT_TRUE(y.GapsUntouched());
    });
  }
}

TEST_P(RotaryTest, InverseTurnsBack) {
  const std::vector<int32_t> positions = {5, 1000, 2, 0, 31};
  const Matrix x = Matrix::Random(5, 2 * GetParam(), 1);
  Matrix y = x;
  RotaryEmbedding(Threads(2), y.view(), 2, positions.data(),
                  {GetParam(), kTheta});
  EXPECT_FALSE(x == y);
  RotaryEmbedding(Threads(2), y.view(), 2, positions.data(),
                  {GetParam(), kTheta, /*inverse=*/true});
  ExpectClose(ToDoubles(y), ToDoubles(x), 1e-6);
}

TEST(RotaryTest, ProductsDependOnTheDistanceOnly) {
  // The point of the encoding: q at 5 . k at 2 = q at 103 . k at 100.
  const Matrix x = Matrix::Random(2, 64, 1);
  const auto product = [&](std::vector<int32_t> positions) {
    Matrix y = x;
    RotaryEmbedding(Threads(1), y.view(), 1, positions.data(), {64, kTheta});
    double sum = 0;
    for (int64_t i = 0; i < 64; ++i) sum += y.At(0, i) * y.At(1, i);
    return sum;
  };
  EXPECT_NEAR(product({5, 2}), product({103, 100}), 1e-4);
  EXPECT_GT(std::abs(product({5, 2}) - product({9, 2})), 1e-2);
}

}  // namespace
}  // namespace perdure::kernels
