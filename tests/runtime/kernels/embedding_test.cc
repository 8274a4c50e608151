#include "runtime/kernels/embedding.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/runtime/kernels/reference.h"

namespace perdure::kernels {
namespace {

constexpr int64_t kVocabulary = 11;

std::vector<int32_t> Ids(int64_t n) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < n; ++i) {
    ids.push_back(static_cast<int32_t>((7 * i * i + 3) % kVocabulary));
  }
  return ids;
}

TEST(EmbeddingTest, RowsAreAddedToTheOutput) {
  const std::vector<int32_t> ids = Ids(40);
  for (int64_t cols : {1, 24, 300}) {
    for (DType dtype : {DType::kF32, DType::kBF16}) {
      const Matrix table = Matrix::Random(kVocabulary, cols, 1, dtype, 3);
      Matrix out = Matrix::Random(40, cols, 2, DType::kF32, 5);
      Doubles expected;
      for (int64_t i = 0; i < 40; ++i) {
        for (int64_t j = 0; j < cols; ++j) {
          expected.push_back(out.At(i, j) +
                             table.At(ids[static_cast<size_t>(i)], j));
        }
      }
      EmbeddingForward(Threads(2), ids.data(), 40, table.view(), 0, out.view());
      ExpectClose(ToDoubles(out), expected, 1e-7);
      EXPECT_TRUE(out.GapsUntouched());
    }
  }
}

TEST(EmbeddingTest, GradientOfARowIsTheSumOverItsUses) {
  const std::vector<int32_t> ids = Ids(200);
  for (int64_t cols : {1, 24, 300}) {
    const Matrix dout = Matrix::Random(200, cols, 1, DType::kF32, 2);
    Matrix one = Matrix::Random(kVocabulary, cols, 2, DType::kF32, 4);
    Matrix three = one;
    Doubles expected = ToDoubles(one);
    for (int64_t i = 0; i < 200; ++i) {
      for (int64_t j = 0; j < cols; ++j) {
        const int64_t row = ids[static_cast<size_t>(i)];
        expected[static_cast<size_t>(row * cols + j)] += dout.At(i, j);
      }
    }
    EmbeddingBackward(Threads(1), ids.data(), 200, dout.view(), 0, one.view());
    EmbeddingBackward(Threads(3), ids.data(), 200, dout.view(), 0,
                      three.view());
    ExpectClose(ToDoubles(one), expected, 2e-6);
    for (int64_t i = 0; i < kVocabulary * cols; ++i) {
      ASSERT_EQ(one.At(i / cols, i % cols), three.At(i / cols, i % cols));
    }
    EXPECT_TRUE(one.GapsUntouched());
  }
}

// A vocabulary split in uneven parts, ids outside it among the input.
TEST(EmbeddingTest, PartsOfASplitTableAddUpToTheWhole) {
  std::vector<int32_t> ids = Ids(30);
  ids.push_back(-1);
  ids.push_back(kVocabulary);
  const int64_t n = 32, cols = 20;
  Matrix table = Matrix::Random(kVocabulary, cols, 1);
  const Matrix dout = Matrix::Random(n, cols, 2);
  Matrix whole(n, cols), parts(n, cols);
  Matrix dwhole(kVocabulary, cols), dparts(kVocabulary, cols);
  const auto add = [&](int64_t first, int64_t count, Matrix& out,
                       Matrix& dtable) {
    EmbeddingForward(Threads(2), ids.data(), n, table.view().Rows(first, count),
                     first, out.view());
    EmbeddingBackward(Threads(2), ids.data(), n, dout.view(), first,
                      dtable.view().Rows(first, count));
  };
  add(0, kVocabulary, whole, dwhole);
  add(0, 4, parts, dparts);
  add(4, 0, parts, dparts);
  add(4, 6, parts, dparts);
  add(10, 1, parts, dparts);
  EXPECT_TRUE(parts == whole);
  EXPECT_TRUE(dparts == dwhole);
  for (int64_t j = 0; j < cols; ++j) EXPECT_EQ(whole.At(n - 1, j), 0.0);
}

}  // namespace
}  // namespace perdure::kernels
