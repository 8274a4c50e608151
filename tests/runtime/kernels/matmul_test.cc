#include "runtime/kernels/matmul.h"

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/device/device.h"
#include "tests/runtime/kernels/reference.h"

namespace perdure {
namespace {

using kernels::Doubles;
using kernels::ExpectClose;
using kernels::Matrix;
using kernels::Noise;
using kernels::ToDoubles;

struct Sizes {
  int64_t m, n, k;
};

// Operands of one product, gaps between rows included.
struct Operands {
  Matrix a, b, c;
};

Matrix Stored(int64_t rows, int64_t cols, bool transposed, uint32_t seed,
              DType dtype, int64_t gap) {
  return transposed ? Matrix::Random(cols, rows, seed, dtype, gap)
                    : Matrix::Random(rows, cols, seed, dtype, gap);
}

Operands MakeOperands(const Sizes& s, const MatmulOptions& options, DType in,
                      DType out, int64_t gap) {
  return {Stored(s.m, s.k, options.transpose_a, 1, in, gap),
          Stored(s.k, s.n, options.transpose_b, 2, in, gap),
          Matrix::Random(s.m, s.n, 3, out, gap)};
}

Doubles Reference(const Operands& x, const Sizes& s,
                  const MatmulOptions& options) {
  Doubles c;
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j) {
      double sum = options.accumulate ? x.c.At(i, j) : 0;
      if (options.bias != nullptr) sum += options.bias[j];
      for (int64_t k = 0; k < s.k; ++k) {
        sum += (options.transpose_a ? x.a.At(k, i) : x.a.At(i, k)) *
               (options.transpose_b ? x.b.At(j, k) : x.b.At(k, j));
      }
      c.push_back(sum);
    }
  }
  return c;
}

class MatmulTest : public testing::Test {
 protected:
  StreamView Stream(int threads) {
    devices_.push_back(MakeCpuDevice(threads));
    return devices_.back()->stream();
  }

  void Check(Matmul& matmul, const Sizes& s, const MatmulOptions& options,
             DType in, DType out, int64_t gap) {
    SCOPED_TRACE(testing::Message()
                 << s.m << "x" << s.n << "x" << s.k << " ta="
                 << options.transpose_a << " tb=" << options.transpose_b
                 << " acc=" << options.accumulate
                 << " bias=" << (options.bias != nullptr) << " gap=" << gap
                 << " in=" << DTypeName(in).data()
                 << " out=" << DTypeName(out).data());
    Operands x = MakeOperands(s, options, in, out, gap);
    const Doubles expected = Reference(x, s, options);
    matmul.Run(stream_, x.a.view(), x.b.view(), x.c.view(), options);
    ExpectClose(ToDoubles(x.c), expected,
                kernels::Tolerance(out, 1e-6 * std::sqrt(1.0 + s.k)));
    EXPECT_TRUE(x.c.GapsUntouched());
  }

  // Devices outlive the Matmul objects of a test, whose scratch they own.
  std::vector<std::unique_ptr<Device>> devices_;
  StreamView stream_ = Stream(2);
};

std::vector<float> Bias(int64_t n) {
  std::vector<float> bias;
  for (int64_t i = 0; i < n; ++i) {
    bias.push_back(static_cast<float>(Noise(9, i)));
  }
  return bias;
}

constexpr Sizes kOddSizes[] = {{1, 1, 1},      {1, 65, 3},   {7, 1, 130},
                               {17, 33, 1},    {64, 64, 64}, {33, 129, 70},
                               {130, 47, 257}, {5, 768, 96}};

TEST_F(MatmulTest, EveryLayoutAgreesWithDoublePrecision) {
  Matmul matmul;
  for (const Sizes& s : kOddSizes) {
    for (int bits = 0; bits < 16; ++bits) {
      MatmulOptions options;
      options.transpose_a = bits & 1;
      options.transpose_b = bits & 2;
      options.accumulate = bits & 4;
      Check(matmul, s, options, DType::kF32, DType::kF32, bits & 8 ? 5 : 0);
    }
  }
}

TEST_F(MatmulTest, Bfloat16AgreesNativeAndWidened) {
  for (bool native : {HasNativeBf16Matmul(), false}) {
    Matmul matmul(native);
    for (const Sizes& s : kOddSizes) {
      for (int bits = 0; bits < 12; ++bits) {
        MatmulOptions options;
        options.transpose_a = bits & 1;
        options.transpose_b = bits & 2;
        const int64_t gap = bits & 4 ? 3 : 0;
        options.accumulate = bits & 8;
        Check(matmul, s, options, DType::kBF16, DType::kF32, gap);
        if (options.accumulate) continue;
        Check(matmul, s, options, DType::kBF16, DType::kBF16, gap);
      }
    }
  }
}

TEST_F(MatmulTest, BiasIsAddedToEveryRow) {
  Matmul matmul;
  for (const Sizes& s : kOddSizes) {
    const std::vector<float> bias = Bias(s.n);
    MatmulOptions options;
    options.transpose_b = true;
    options.bias = bias.data();
    for (int64_t gap : {0, 5}) {
      Check(matmul, s, options, DType::kF32, DType::kF32, gap);
      Check(matmul, s, options, DType::kBF16, DType::kF32, gap);
      Check(matmul, s, options, DType::kBF16, DType::kBF16, gap);
    }
  }
}

TEST_F(MatmulTest, LargeProductsArePackedAndAgree) {
  Matmul matmul;
  for (bool transpose_b : {false, true}) {
    MatmulOptions options;
    options.transpose_b = transpose_b;
    Check(matmul, {1030, 48, 40}, options, DType::kF32, DType::kF32, 0);
    Check(matmul, {1030, 48, 40}, options, DType::kBF16, DType::kBF16, 0);
    // B's rows are 4 KiB apart.
    Check(matmul, {256, 1024, 20}, options, DType::kF32, DType::kF32, 0);
  }
  MatmulOptions weight_gradient;
  weight_gradient.transpose_a = weight_gradient.accumulate = true;
  Check(matmul, {1030, 48, 40}, weight_gradient, DType::kF32, DType::kF32, 0);
}

TEST_F(MatmulTest, LongSumsOfTransposedOperandsAgree) {
  Matmul matmul;
  for (int bits = 0; bits < 8; ++bits) {
    const std::vector<float> bias = Bias(9);
    MatmulOptions options;
    options.transpose_a = true;
    options.transpose_b = bits & 1;
    options.accumulate = bits & 2;
    if (!options.accumulate) options.bias = bias.data();
    const int64_t gap = bits & 4 ? 2 : 0;
    const Sizes sizes = {11, 9, 3001};
    Check(matmul, sizes, options, DType::kF32, DType::kF32, gap);
    Check(matmul, sizes, options, DType::kBF16, DType::kF32, gap);
    if (options.accumulate) continue;
    Check(matmul, sizes, options, DType::kBF16, DType::kBF16, gap);
  }
}

TEST_F(MatmulTest, EmptySumIsBiasOrZeroAndEmptyOutputIsNothing) {
  Matmul matmul;
  const std::vector<float> bias = Bias(7);
  for (DType out : {DType::kF32, DType::kBF16}) {
    MatmulOptions options;
    Check(matmul, {3, 7, 0}, options, DType::kBF16, out, 2);
    options.bias = bias.data();
    Check(matmul, {3, 7, 0}, options, DType::kBF16, out, 2);
  }
  MatmulOptions accumulate;
  accumulate.accumulate = true;
  Check(matmul, {3, 7, 0}, accumulate, DType::kF32, DType::kF32, 0);
  Check(matmul, {0, 7, 5}, {}, DType::kF32, DType::kF32, 0);
  Check(matmul, {3, 0, 5}, {}, DType::kF32, DType::kF32, 0);
}

TEST_F(MatmulTest, OneObjectServesManyShapesAndThreadCounts) {
  Matmul matmul;
  for (int round = 0; round < 2; ++round) {
    for (int threads : {1, 2, 3}) {
      stream_ = Stream(threads);
      Check(matmul, {40, 50, 60}, {}, DType::kF32, DType::kF32, 0);
      Check(matmul, {50, 40, 60}, {}, DType::kF32, DType::kF32, 4);
    }
  }
}

TEST_F(MatmulTest, MismatchedShapesDie) {
  Matmul matmul;
  Matrix a(4, 5), b(6, 7), c(4, 7);
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(matmul.Run(stream_, a.view(), b.view(), c.view()),
               "A's columns are not B's rows");
}

// What the design relies on (I5). Another version of oneDNN may do otherwise.
class MatmulBitsTest : public MatmulTest,
                       public testing::WithParamInterface<DType> {
 protected:
  void SetUp() override {
    if (!HasReproducibleMatmul()) {
      GTEST_SKIP() << "this CPU has no AVX-512: oneDNN's sums depend on M";
    }
  }

  // The first `rows` rows of C, bit for bit; x.c is overwritten.
  std::vector<float> Product(Operands& x, int64_t rows,
                             const MatmulOptions& options, int threads) {
    const ConstMatrixView a =
        options.transpose_a ? x.a.view() : x.a.view().Rows(0, rows);
    const MatrixView c = x.c.view().Rows(0, rows);
    matmul_.Run(Stream(threads), a, x.b.view(), c, options);
    std::vector<float> bits;
    for (int64_t row = 0; row < rows; ++row) {
      const float* line = c.as<float>() + row * c.stride;
      bits.insert(bits.end(), line, line + c.cols);
    }
    return bits;
  }

  Matmul matmul_;
};

TEST_P(MatmulBitsTest, RowDependsNeitherOnRowCountNorThreads) {
  const std::pair<int64_t, int64_t> outputs_and_depths[] = {
      {64, 64}, {17, 33}, {50, 4096}, {1, 4096}, {300, 770}, {1024, 96}};
  for (const auto& [n, k] : outputs_and_depths) {
    for (bool transpose_b : {false, true}) {
      SCOPED_TRACE(testing::Message() << n << " " << k << " " << transpose_b);
      MatmulOptions options;
      options.transpose_b = transpose_b;
      const Sizes whole = {1024, n, k};
      Operands dense = MakeOperands(whole, options, GetParam(), DType::kF32, 0);
      // Copied to scratch first, and C from there.
      Operands gaps = MakeOperands(whole, options, GetParam(), DType::kF32, 5);
      // 1024 rows pack B, fewer do not.
      const std::vector<float> expected = Product(dense, 1024, options, 1);
      for (int64_t m : {1, 2, 7, 16, 33, 64, 257, 1024}) {
        const auto end = expected.begin() + m * n;
        const std::vector<float> rows(expected.begin(), end);
        for (int threads : {1, 2, 3}) {
          SCOPED_TRACE(testing::Message() << m << " rows, " << threads);
          EXPECT_TRUE(Product(dense, m, options, threads) == rows);
          EXPECT_TRUE(Product(gaps, m, options, threads) == rows);
        }
      }
    }
  }
}

TEST_P(MatmulBitsTest, WeightGradientDoesNotDependOnThreads) {
  const Sizes sizes[] = {{64, 64, 4096}, {8, 64, 4096},   {64, 8, 8192},
                         {17, 33, 2048}, {65, 128, 4096}, {200, 96, 300},
                         {96, 200, 2050}};
  for (const Sizes& s : sizes) {
    for (int bits = 0; bits < 4; ++bits) {
      MatmulOptions options;
      options.transpose_a = true;
      options.transpose_b = bits & 1;
      options.accumulate = bits & 2;
      Operands x = MakeOperands(s, options, GetParam(), DType::kF32, 0);
      const Matrix start = x.c;
      const std::vector<float> one = Product(x, s.m, options, 1);
      for (int threads : {2, 3, 8}) {
        x.c = start;
        EXPECT_TRUE(Product(x, s.m, options, threads) == one)
            << s.m << "x" << s.n << "x" << s.k << ", " << threads
            << " threads, transpose_b=" << options.transpose_b
            << ", accumulate=" << options.accumulate;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, MatmulBitsTest,
                         testing::Values(DType::kF32, DType::kBF16));

}  // namespace
}  // namespace perdure
