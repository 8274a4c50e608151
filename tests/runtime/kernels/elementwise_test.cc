#include "runtime/kernels/elementwise.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tests/runtime/kernels/reference.h"

namespace perdure::kernels {
namespace {

constexpr int64_t kCols[] = {1, 7, 16, 33, 100};

std::vector<float> RandomVector(int64_t n, uint32_t seed) {
  std::vector<float> x;
  for (int64_t i = 0; i < n; ++i) {
    x.push_back(static_cast<float>(Noise(seed, i)));
  }
  return x;
}

TEST(ElementwiseTest, FillTouchesExactlyItsRange) {
  OnEveryInstructionSet([] {
    for (int64_t n : {0, 1, 15, 16, 17, 70000}) {
      std::vector<float> x(static_cast<size_t>(n) + 1, -1.0f);
      Fill(Threads(2), 2.5f, x.data(), n);
      for (int64_t i = 0; i < n; ++i) {
        ASSERT_EQ(x[static_cast<size_t>(i)], 2.5f);
      }
      EXPECT_EQ(x.back(), -1.0f);
    }
  });
}

TEST(ElementwiseTest, ConversionRoundsToNearestEvenAndKeepsNaN) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> special = {
      0.0f,    -0.0f, 1.00390625f,   1.01171875f,  // ties: down, up
      3.4e38f, inf,   -inf,          NAN,
      1e-40f,  -NAN,  0x1.ff0001p0f, 0x1.fefffep0f};
  OnEveryInstructionSet([&] {
    const int64_t n = static_cast<int64_t>(special.size());
    std::vector<bf16> narrow(special.size());
    Convert(Threads(1), {special.data(), DType::kF32, 1, n},
            {narrow.data(), DType::kBF16, 1, n});
    std::vector<float> wide(special.size());
    Convert(Threads(1), {narrow.data(), DType::kBF16, 1, n},
            {wide.data(), DType::kF32, 1, n});
    for (size_t i = 0; i < special.size(); ++i) {
      EXPECT_EQ(narrow[i].bits, bf16(special[i]).bits) << special[i];
      EXPECT_EQ(std::bit_cast<uint32_t>(wide[i]), narrow[i].bits << 16);
    }
    EXPECT_EQ(wide[2], 1.0f);
    EXPECT_EQ(wide[3], 1.015625f);
    EXPECT_TRUE(std::isnan(wide[7]));
  });
}

TEST(ElementwiseTest, ConversionOfStridedRowsLeavesGaps) {
  for (DType from : {DType::kF32, DType::kBF16}) {
    for (DType to : {DType::kF32, DType::kBF16}) {
      const Matrix x = Matrix::Random(9, 33, 1, from, 3);
      Matrix y(9, 33, to, 6);
      Convert(Threads(3), x.view(), y.view());
      ExpectClose(ToDoubles(y), ToDoubles(x), Tolerance(to, 0));
      EXPECT_TRUE(y.GapsUntouched());
    }
  }
}

TEST(ElementwiseTest, AddAndBiasAgreeWithDoublePrecision) {
  OnEveryInstructionSet([] {
    for (int64_t cols : kCols) {
      for (DType dtype : {DType::kF32, DType::kBF16}) {
        for (int64_t gap : {0, 2}) {
          const Matrix x = Matrix::Random(5, cols, 1, dtype, gap);
          Matrix y = Matrix::Random(5, cols, 2, DType::kF32, gap);
          Matrix biased = x;
          const std::vector<float> bias = RandomVector(cols, 3);
          Doubles sum, shifted;
          for (int64_t i = 0; i < 5 * cols; ++i) {
            const int64_t r = i / cols, c = i % cols;
            sum.push_back(x.At(r, c) + y.At(r, c));
            shifted.push_back(x.At(r, c) + bias[static_cast<size_t>(c)]);
          }
          Add(Threads(2), x.view(), y.view());
          AddBias(Threads(2), bias.data(), biased.view());
          ExpectClose(ToDoubles(y), sum, 1e-7);
          ExpectClose(ToDoubles(biased), shifted, Tolerance(dtype, 1e-7));
          EXPECT_TRUE(y.GapsUntouched() && biased.GapsUntouched());
        }
      }
    }
  });
}

TEST(ElementwiseTest, LongRowsAreCutWithoutLosingElements) {
  const int64_t n = 100001;
  const std::vector<float> x = RandomVector(n, 1);
  std::vector<float> y(x.size(), 1.0f);
  Add(Threads(3), {x.data(), DType::kF32, 1, n}, {y.data(), DType::kF32, 1, n});
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], 1.0f + x[i]);
}

TEST(ElementwiseTest, BiasGradientIsTheColumnSumForAnyThreadCount) {
  OnEveryInstructionSet([] {
    for (int64_t cols : {1, 63, 64, 65, 200}) {
      for (DType dtype : {DType::kF32, DType::kBF16}) {
        const Matrix dy = Matrix::Random(131, cols, 1, dtype, 4);
        std::vector<float> one = RandomVector(cols, 2), three = one;
        Doubles expected(one.begin(), one.end());
        for (int64_t i = 0; i < 131 * cols; ++i) {
          expected[static_cast<size_t>(i % cols)] += dy.At(i / cols, i % cols);
        }
        BiasBackward(Threads(1), dy.view(), one.data());
        BiasBackward(Threads(3), dy.view(), three.data());
        ExpectClose(Doubles(one.begin(), one.end()), expected, 2e-6);
        EXPECT_EQ(one, three);
      }
    }
  });
}

TEST(ElementwiseTest, SumOfSquaresHasTheSameBitsEverywhere) {
  for (int64_t n : {0, 1, 17, 32768, 100003}) {
    const std::vector<float> x = RandomVector(n, 4);
    long double expected = 0;
    for (float v : x) expected += static_cast<long double>(v) * v;
    const double first = SumOfSquares(Threads(1), x.data(), n);
    EXPECT_NEAR(first, static_cast<double>(expected), 1e-9);
    OnEveryInstructionSet([&] {
      EXPECT_EQ(SumOfSquares(Threads(1), x.data(), n), first);
      EXPECT_EQ(SumOfSquares(Threads(3), x.data(), n), first);
    });
  }
}

TEST(ElementwiseTest, SumOfSquaresShowsOverflowAndNaN) {
  std::vector<float> x(50000, 1e30f);  // squares overflow fp32, not fp64
  EXPECT_NEAR(SumOfSquares(Threads(2), x.data(), 50000), 5e64, 1e59);
  for (float bad : {NAN, HUGE_VALF}) {
    x[40001] = bad;
    EXPECT_FALSE(std::isfinite(SumOfSquares(Threads(2), x.data(), 50000)));
  }
}

}  // namespace
}  // namespace perdure::kernels
