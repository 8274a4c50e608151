#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/philox.h"
#include "runtime/kernels/elementwise.h"
#include "tests/runtime/kernels/reference.h"

namespace perdure::kernels {
namespace {

constexpr PhiloxKey kKey = {0x12345678, 0x9abcdef0};

// elementwise.h's definition, one element at a time.
float Expected(float x, float probability, int64_t row_id, int64_t column) {
  const uint64_t id = static_cast<uint64_t>(row_id);
  const PhiloxCounter bits =
      Philox4x32({static_cast<uint32_t>(column / 4), static_cast<uint32_t>(id),
                  static_cast<uint32_t>(id >> 32), 0},
                 kKey);
  const float u = UniformFromBits(bits[static_cast<size_t>(column % 4)]);
  return u < probability ? 0.0f : x * (1.0f / (1.0f - probability));
}

TEST(DropoutTest, BitsAreThoseOfTheDefinition) {
  const std::vector<int64_t> row_ids = {0, 5, (int64_t{7} << 32) + 1, -1};
  OnEveryInstructionSet([&] {
    for (int64_t cols : {1, 5, 128, 131, 700}) {
      for (float probability : {0.1f, 0.5f, 0.97f}) {
        for (int threads : {1, 3}) {
          const Matrix x = Matrix::Random(4, cols, 1, DType::kF32, 3);
          Matrix y = x;
          Dropout(Threads(threads), probability, kKey, row_ids.data(),
                  y.view());
          for (int64_t i = 0; i < 4; ++i) {
            for (int64_t j = 0; j < cols; ++j) {
              ASSERT_EQ(y.At(i, j),
                        Expected(static_cast<float>(x.At(i, j)), probability,
                                 row_ids[static_cast<size_t>(i)], j));
            }
          }
          EXPECT_TRUE(y.GapsUntouched());
        }
      }
    }
  });
}

TEST(DropoutTest, Bfloat16IsRoundedOnce) {
  const std::vector<int64_t> row_ids = {3, 4};
  const Matrix x = Matrix::Random(2, 200, 1, DType::kBF16);
  Matrix y = x;
  Dropout(Threads(1), 0.3f, kKey, row_ids.data(), y.view());
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 200; ++j) {
      const bf16 expected(Expected(static_cast<float>(x.At(i, j)), 0.3f,
                                   row_ids[static_cast<size_t>(i)], j));
      ASSERT_EQ(y.At(i, j), static_cast<float>(expected));
    }
  }
}

TEST(DropoutTest, RowsMayBeCutAnyhow) {
  const std::vector<int64_t> row_ids = {10, 11, 12};
  Matrix whole = Matrix::Random(3, 50, 1);
  Matrix single = whole;
  Dropout(Threads(1), 0.5f, kKey, row_ids.data(), whole.view());
  for (int64_t i : {2, 0, 1}) {
    Dropout(Threads(1), 0.5f, kKey, &row_ids[static_cast<size_t>(i)],
            single.view().Rows(i, 1));
  }
  EXPECT_TRUE(single == whole);
}

TEST(DropoutTest, ShareAndMeanAreKept) {
  const int64_t cols = 200000;
  const int64_t row_id = 42;
  Matrix x(1, cols);
  for (int64_t j = 0; j < cols; ++j) x.Set(0, j, 1.0);
  Dropout(Threads(2), 0.2f, kKey, &row_id, x.view());
  double dropped = 0, sum = 0;
  for (int64_t j = 0; j < cols; ++j) {
    dropped += x.At(0, j) == 0;
    sum += x.At(0, j);
  }
  EXPECT_NEAR(dropped / cols, 0.2, 5 * std::sqrt(0.16 / cols));
  EXPECT_NEAR(sum / cols, 1.0, 0.01);
}

TEST(DropoutTest, ProbabilityZeroChangesNothing) {
  const int64_t row_id = 1;
  const Matrix x = Matrix::Random(1, 33, 1);
  Matrix y = x;
  Dropout(Threads(1), 0.0f, kKey, &row_id, y.view());
  EXPECT_TRUE(x == y);
}

TEST(DropoutTest, WhatIsDroppedIsZeroEvenIfInfinite) {
  const int64_t row_id = 1;
  Matrix x(1, 64);
  for (int64_t j = 0; j < 64; ++j) x.Set(0, j, INFINITY);
  Dropout(Threads(1), 0.5f, kKey, &row_id, x.view());
  for (int64_t j = 0; j < 64; ++j) {
    EXPECT_EQ(x.At(0, j), Expected(INFINITY, 0.5f, row_id, j));
  }
}

}  // namespace
}  // namespace perdure::kernels
