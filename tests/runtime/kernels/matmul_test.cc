#include "runtime/kernels/matmul.h"

#include <cmath>
#include <memory>
#include <tuple>
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

  Matrix Product(const Sizes& s, const MatmulOptions& options, int threads,
                 int64_t gap) {
    Operands x = MakeOperands(s, options, GetParam(), DType::kF32, gap);
    matmul_.Run(Stream(threads), x.a.view(), x.b.view(), x.c.view(), options);
    Matrix plain(s.m, s.n);
    for (int64_t i = 0; i < s.m * s.n; ++i) {
      plain.Set(i / s.n, i % s.n, x.c.At(i / s.n, i % s.n));
    }
    return plain;
  }

  Matmul matmul_;
};

bool FirstRowsEqual(const Matrix& x, const Matrix& y, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < x.cols(); ++j) {
      if (x.At(i, j) != y.At(i, j)) return false;
    }
  }
  return true;
}

TEST_P(MatmulBitsTest, RowDependsNeitherOnRowCountNorThreads) {
  const std::pair<int64_t, int64_t> outputs_and_depths[] = {
      {64, 64}, {17, 33}, {50, 4096}, {1, 4096}, {300, 770}, {1024, 96}};
  for (const auto& [n, k] : outputs_and_depths) {
    for (bool transpose_b : {false, true}) {
      SCOPED_TRACE(testing::Message() << n << " " << k << " " << transpose_b);
      MatmulOptions options;
      options.transpose_b = transpose_b;
      // 1024 rows pack B, fewer do not; gaps copy A and C.
      const Matrix whole = Product({1024, n, k}, options, 1, 0);
      for (int64_t m : {1, 2, 7, 16, 33, 64, 257, 1024}) {
        for (int threads : {1, 2, 3}) {
          const int64_t gap = threads == 3 ? 5 : 0;
          const Matrix part = Product({m, n, k}, options, threads, gap);
          EXPECT_TRUE(FirstRowsEqual(part, whole, m))
              << "M=" << m << ", " << threads << " threads";
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
    for (bool transpose_b : {false, true}) {
      MatmulOptions options;
      options.transpose_a = options.accumulate = true;
      options.transpose_b = transpose_b;
      const Matrix one = Product(s, options, 1, 0);
      for (int threads : {2, 3, 8}) {
        EXPECT_TRUE(one == Product(s, options, threads, 0))
            << s.m << "x" << s.n << "x" << s.k << ", " << threads
            << " threads, transpose_b=" << transpose_b;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, MatmulBitsTest,
                         testing::Values(DType::kF32, DType::kBF16));

}  // namespace
}  // namespace perdure
