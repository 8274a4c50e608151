#include "runtime/kernels/norm.h"

#include <tuple>

#include "tests/runtime/kernels/reference.h"

namespace perdure::kernels {
namespace {

constexpr float kEps = 1e-5f;

// fp64 norms of [n, d]; bias nullptr and centred false: RMSNorm.
Doubles Norm(const Doubles& x, const Doubles& weight, const Doubles* bias) {
  const size_t d = weight.size();
  Doubles y(x.size());
  for (size_t row = 0; row < x.size(); row += d) {
    double mean = 0, square = 0;
    if (bias != nullptr) {
      for (size_t i = 0; i < d; ++i) mean += x[row + i] / d;
    }
    for (size_t i = 0; i < d; ++i) {
      square += (x[row + i] - mean) * (x[row + i] - mean) / d;
    }
    for (size_t i = 0; i < d; ++i) {
      y[row + i] = (x[row + i] - mean) / std::sqrt(square + kEps) * weight[i] +
                   (bias == nullptr ? 0.0 : (*bias)[i]);
    }
  }
  return y;
}

class NormTest
    : public testing::TestWithParam<std::tuple<int64_t, int64_t, DType>> {
 protected:
  const int64_t n_ = std::get<0>(GetParam());
  const int64_t d_ = std::get<1>(GetParam());
  const DType dtype_ = std::get<2>(GetParam());
  Matrix x_ = Matrix::Random(n_, d_, 1, DType::kF32, 3);
  Matrix weight_ = Matrix::Random(1, d_, 2);
  Matrix bias_ = Matrix::Random(1, d_, 3);
  Matrix dy_ = Matrix::Random(n_, d_, 4, dtype_, 5);
  Matrix y_ = Matrix(n_, d_, dtype_, 5);
  Matrix mean_ = Matrix(1, n_), rstd_ = Matrix(1, n_);
};

INSTANTIATE_TEST_SUITE_P(
    Sizes, NormTest,
    testing::Combine(testing::Values(1, 5), testing::Values(1, 7, 16, 33, 96),
                     testing::Values(DType::kF32, DType::kBF16)));

TEST_P(NormTest, LayerNormForwardMatchesFp64) {
  const Doubles bias = ToDoubles(bias_);
  const Doubles expected = Norm(ToDoubles(x_), ToDoubles(weight_), &bias);
  OnEveryInstructionSet([&] {
    LayerNormForward(Threads(1), {x_.view(), weight_.data(), bias_.data(), kEps,
                                  y_.view(), mean_.data(), rstd_.data()});
    ExpectClose(ToDoubles(y_), expected, Tolerance(dtype_, 3e-6));
    EXPECT_TRUE(y_.GapsUntouched());
  });
}

TEST_P(NormTest, RmsNormForwardMatchesFp64) {
  const Doubles expected = Norm(ToDoubles(x_), ToDoubles(weight_), nullptr);
  OnEveryInstructionSet([&] {
    RmsNormForward(Threads(1), {.x = x_.view(),
                                .weight = weight_.data(),
                                .eps = kEps,
                                .y = y_.view(),
                                .rstd = rstd_.data()});
    ExpectClose(ToDoubles(y_), expected, Tolerance(dtype_, 3e-6));
    EXPECT_TRUE(y_.GapsUntouched());
  });
}

TEST_P(NormTest, LayerNormBackwardAddsTheDifferenceQuotients) {
  const Doubles x = ToDoubles(x_), weight = ToDoubles(weight_);
  const Doubles bias = ToDoubles(bias_), dy = ToDoubles(dy_);
  Doubles dx = Differences(
      x, [&](const Doubles& v) { return Dot(Norm(v, weight, &bias), dy); });
  Doubles dweight = Differences(
      weight, [&](const Doubles& v) { return Dot(Norm(x, v, &bias), dy); });
  Doubles dbias = Differences(
      bias, [&](const Doubles& v) { return Dot(Norm(x, weight, &v), dy); });
  for (Doubles* gradient : {&dx, &dweight, &dbias}) {
    for (double& value : *gradient) value += 0.5;  // what was there before
  }
  OnEveryInstructionSet([&] {
    Matrix dx_out(n_, d_, DType::kF32, 3), dw_out(1, d_), db_out(1, d_);
    for (Matrix* m : {&dx_out, &dw_out, &db_out}) {
      for (int64_t i = 0; i < m->rows() * d_; ++i) m->Set(i / d_, i % d_, 0.5);
    }
    LayerNormForward(Threads(1), {x_.view(), weight_.data(), bias_.data(), kEps,
                                  y_.view(), mean_.data(), rstd_.data()});
    LayerNormBackward(Threads(1), {dy_.view(), x_.view(), weight_.data(),
                                   mean_.data(), rstd_.data(), dx_out.view(),
                                   dw_out.data(), db_out.data()});
    ExpectClose(ToDoubles(dx_out), dx, 1e-4);
    ExpectClose(ToDoubles(dw_out), dweight, 1e-5);
    ExpectClose(ToDoubles(db_out), dbias, 1e-5);
    EXPECT_TRUE(dx_out.GapsUntouched());
  });
}

TEST_P(NormTest, RmsNormBackwardAddsTheDifferenceQuotients) {
  const Doubles x = ToDoubles(x_), weight = ToDoubles(weight_);
  const Doubles dy = ToDoubles(dy_);
  const Doubles dx = Differences(
      x, [&](const Doubles& v) { return Dot(Norm(v, weight, nullptr), dy); });
  const Doubles dweight = Differences(
      weight, [&](const Doubles& v) { return Dot(Norm(x, v, nullptr), dy); });
  OnEveryInstructionSet([&] {
    Matrix dx_out(n_, d_, DType::kF32, 3), dw_out(1, d_);
    RmsNormForward(Threads(1), {.x = x_.view(),
                                .weight = weight_.data(),
                                .eps = kEps,
                                .y = y_.view(),
                                .rstd = rstd_.data()});
    RmsNormBackward(Threads(1), {.dy = dy_.view(),
                                 .x = x_.view(),
                                 .weight = weight_.data(),
                                 .rstd = rstd_.data(),
                                 .dx = dx_out.view(),
                                 .dweight = dw_out.data()});
    ExpectClose(ToDoubles(dx_out), dx, 1e-4);
    ExpectClose(ToDoubles(dw_out), dweight, 1e-5);
  });
}

TEST(NormSumTest, WeightGradientsHaveTheSameBitsForAnyThreadCount) {
  constexpr int64_t kRows = 1111, kCols = 40;
  const Matrix x = Matrix::Random(kRows, kCols, 1);
  const Matrix dy = Matrix::Random(kRows, kCols, 2);
  Matrix weight = Matrix::Random(1, kCols, 3), bias(1, kCols);
  const auto gradients = [&](int threads) {
    Matrix y(kRows, kCols), mean(1, kRows), rstd(1, kRows);
    Matrix dx(kRows, kCols), dweight(1, kCols), dbias(1, kCols);
    LayerNormForward(Threads(threads),
                     {x.view(), weight.data(), bias.data(), kEps, y.view(),
                      mean.data(), rstd.data()});
    LayerNormBackward(Threads(threads),
                      {dy.view(), x.view(), weight.data(), mean.data(),
                       rstd.data(), dx.view(), dweight.data(), dbias.data()});
    return std::vector<Matrix>{dx, dweight, dbias};
  };
  const std::vector<Matrix> one = gradients(1);
  EXPECT_TRUE(one == gradients(3));
  EXPECT_TRUE(one == gradients(4));
}

TEST(NormSumTest, Avx2AndAvx512GiveTheSameBits) {
  if ((hwy::SupportedTargets() & HWY_AVX3) == 0) {
    GTEST_SKIP() << "this CPU has no AVX-512";
  }
  const Matrix x = Matrix::Random(9, 77, 1);
  Matrix weight = Matrix::Random(1, 77, 3), bias = Matrix::Random(1, 77, 4);
  const auto forward = [&](int64_t target) {
    hwy::GetChosenTarget().Update(target);
    Matrix y(9, 77, DType::kBF16), mean(1, 9), rstd(1, 9);
    LayerNormForward(Threads(1), {x.view(), weight.data(), bias.data(), kEps,
                                  y.view(), mean.data(), rstd.data()});
    return std::vector<Matrix>{y, mean, rstd};
  };
  EXPECT_TRUE(forward(HWY_AVX2) == forward(HWY_AVX3));
  hwy::GetChosenTarget().DeInit();
}

TEST(NormSumTest, LargeMeanDoesNotCancelTheVariance) {
  Matrix x(1, 64), weight(1, 64), bias(1, 64), y(1, 64);
  for (int64_t i = 0; i < 64; ++i) {
    x.Set(0, i, 4096.0 + (i % 2));  // mean 4096.5, variance 0.25
    weight.Set(0, i, 1);
  }
  LayerNormForward(Threads(1),
                   {x.view(), weight.data(), bias.data(), kEps, y.view()});
  for (int64_t i = 0; i < 64; ++i) {
    EXPECT_NEAR(y.At(0, i), i % 2 ? 1 : -1, 1e-4);
  }
}

}  // namespace
}  // namespace perdure::kernels
