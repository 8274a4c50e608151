#include "runtime/kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "tests/runtime/kernels/reference.h"

namespace perdure::kernels {
namespace {

std::vector<int32_t> Targets(int64_t n, int64_t vocabulary) {
  std::vector<int32_t> targets;
  for (int64_t i = 0; i < n; ++i) {
    targets.push_back(static_cast<int32_t>((5 * i + 1) % vocabulary));
  }
  return targets;
}

std::vector<float> Weights(int64_t n) {
  std::vector<float> weights;
  for (int64_t i = 0; i < n; ++i) {
    weights.push_back(static_cast<float>(1 + Noise(8, i)));
  }
  return weights;
}

Matrix Logits(int64_t n, int64_t vocabulary, double spread, int64_t gap = 0) {
  Matrix logits(n, vocabulary, DType::kF32, gap);
  for (int64_t i = 0; i < n * vocabulary; ++i) {
    logits.Set(i / vocabulary, i % vocabulary, spread * Noise(4, i));
  }
  return logits;
}

// Loss of row i, and its gradient, from fp64 logits.
double ReferenceLoss(const double* row, int64_t vocabulary, int32_t target) {
  double max = row[0];
  for (int64_t j = 1; j < vocabulary; ++j) max = std::max(max, row[j]);
  double sum = 0;
  for (int64_t j = 0; j < vocabulary; ++j) sum += std::exp(row[j] - max);
  return max + std::log(sum) - row[target];
}

struct Result {
  std::vector<LogitStats> stats;
  std::vector<double> loss;
};

Result Forward(StreamView stream, const Matrix& logits,
               const std::vector<int32_t>& targets, const float* weights) {
  Result r{std::vector<LogitStats>(targets.size()),
           std::vector<double>(targets.size())};
  LogitStatistics(stream, logits.view(), targets.data(), 0, r.stats.data());
  CrossEntropyLoss(r.stats.data(), weights, logits.rows(), r.loss.data());
  return r;
}

TEST(CrossEntropyTest, LossAndGradientAgreeWithDoublePrecision) {
  OnEveryInstructionSet([] {
    for (int64_t vocabulary : {1, 2, 17, 65, 5000}) {
      for (double spread : {0.0, 3.0, 1e4}) {
        SCOPED_TRACE(testing::Message() << vocabulary << " x " << spread);
        const Matrix logits = Logits(4, vocabulary, spread, 3);
        const std::vector<int32_t> targets = Targets(4, vocabulary);
        const std::vector<float> weights = Weights(4);
        const Result r = Forward(Threads(2), logits, targets, weights.data());
        Matrix dlogits(4, vocabulary, DType::kF32, 2);
        CrossEntropyBackward(Threads(2), logits.view(),
                             {r.stats.data(), targets.data(), weights.data()},
                             0, dlogits.view());
        const Doubles x = ToDoubles(logits);
        Doubles loss, gradient;
        for (int64_t i = 0; i < 4; ++i) {
          const double* row = x.data() + i * vocabulary;
          const int32_t target = targets[static_cast<size_t>(i)];
          const double weight = weights[static_cast<size_t>(i)];
          const double l = ReferenceLoss(row, vocabulary, target);
          loss.push_back(weight * l);
          for (int64_t j = 0; j < vocabulary; ++j) {
            // l + row[target] is the log of the sum.
            const double p = std::exp(row[j] - (l + row[target]));
            gradient.push_back(weight * (p - (j == target)));
          }
        }
        ExpectClose(r.loss, loss, 1e-6);
        ExpectClose(ToDoubles(dlogits), gradient, 1e-6);
        EXPECT_TRUE(dlogits.GapsUntouched());
      }
    }
  });
}

TEST(CrossEntropyTest, GradientAgreesWithFiniteDifferences) {
  const int64_t vocabulary = 23;
  const Matrix logits = Logits(3, vocabulary, 2.0);
  const std::vector<int32_t> targets = Targets(3, vocabulary);
  const std::vector<float> weights = Weights(3);
  const Result r = Forward(Threads(1), logits, targets, weights.data());
  Matrix dlogits(3, vocabulary);
  CrossEntropyBackward(Threads(1), logits.view(),
                       {r.stats.data(), targets.data(), weights.data()}, 0,
                       dlogits.view());
  const auto total = [&](const Doubles& x) {
    double sum = 0;
    for (size_t i = 0; i < 3; ++i) {
      sum += weights[i] *
             ReferenceLoss(x.data() + static_cast<int64_t>(i) * vocabulary,
                           vocabulary, targets[i]);
    }
    return sum;
  };
  ExpectClose(ToDoubles(dlogits), Differences(ToDoubles(logits), total), 1e-6);
}

TEST(CrossEntropyTest, ExtremeLogitsStayFinite) {
  OnEveryInstructionSet([] {
    const float rows[][4] = {{1e4f, -1e4f, -1e4f, -1e4f},
                             {-1e4f, -1e4f, -1e4f, 1e4f},
                             {-1e4f, -1e4f, -1e4f, -1e4f},
                             {3.4e38f, -3.4e38f, 0, 0},
                             {-INFINITY, 0, 0, -INFINITY}};
    const double losses[] = {0, 2e4, std::log(4.0), 0, HUGE_VAL};
    const int32_t target = 0;
    for (size_t i = 0; i < 5; ++i) {
      Matrix logits(1, 4);
      for (int64_t j = 0; j < 4; ++j) logits.Set(0, j, rows[i][j]);
      const Result r = Forward(Threads(1), logits, {target}, nullptr);
      if (std::isinf(losses[i])) {
        EXPECT_EQ(r.loss[0], losses[i]);
      } else {
        EXPECT_NEAR(r.loss[0], losses[i], 1e-6 * (1 + losses[i])) << i;
      }
      CrossEntropyBackward(Threads(1), logits.view(),
                           {r.stats.data(), &target, nullptr}, 0,
                           logits.view());
      double sum = 0;
      for (double g : ToDoubles(logits)) sum += g;
      EXPECT_NEAR(sum, 0.0, 1e-6) << i;
    }
  });
}

TEST(CrossEntropyTest, NaNLogitMakesTheLossNaN) {
  for (int64_t place : {0, 40, 99}) {
    Matrix logits = Logits(1, 100, 1.0);
    logits.Set(0, place, NAN);
    EXPECT_TRUE(std::isnan(Forward(Threads(1), logits, {7}, nullptr).loss[0]));
  }
}

TEST(CrossEntropyTest, WeightZeroIsNoLossAndNoGradient) {
  Matrix logits = Logits(1, 40, 1.0);
  const float weight = 0;
  const std::vector<int32_t> elsewhere = {-100};
  const Result r = Forward(Threads(1), logits, elsewhere, &weight);
  EXPECT_EQ(r.loss[0], 0.0);
  CrossEntropyBackward(Threads(1), logits.view(),
                       {r.stats.data(), elsewhere.data(), &weight}, 0,
                       logits.view());
  for (double g : ToDoubles(logits)) EXPECT_EQ(g, 0.0);
}

TEST(CrossEntropyTest, BitsDependNeitherOnThreadsNorOnPlace) {
  const int64_t n = 9, vocabulary = 5003;
  const Matrix logits = Logits(n, vocabulary, 4.0);
  const std::vector<int32_t> targets = Targets(n, vocabulary);
  const Result one = Forward(Threads(1), logits, targets, nullptr);
  const Result three = Forward(Threads(3), logits, targets, nullptr);
  EXPECT_EQ(one.loss, three.loss);
  for (DType dtype : {DType::kF32, DType::kBF16}) {
    Matrix d1(n, vocabulary, dtype), d3(n, vocabulary, dtype);
    CrossEntropyBackward(Threads(1), logits.view(),
                         {one.stats.data(), targets.data(), nullptr}, 0,
                         d1.view());
    CrossEntropyBackward(Threads(3), logits.view(),
                         {one.stats.data(), targets.data(), nullptr}, 0,
                         d3.view());
    EXPECT_TRUE(d1 == d3);
    // In place, and rounded: the same numbers.
    Matrix in_place = logits;
    CrossEntropyBackward(Threads(1), in_place.view(),
                         {one.stats.data(), targets.data(), nullptr}, 0,
                         in_place.view());
    for (int64_t j = 0; j < vocabulary; ++j) {
      const float exact = static_cast<float>(in_place.At(4, j));
      const float stored =
          dtype == DType::kF32 ? exact : static_cast<float>(bf16(exact));
      ASSERT_EQ(d1.At(4, j), stored);
    }
  }
}

TEST(CrossEntropyTest, UnevenPartsOfTheVocabularyMergeToTheWhole) {
  const int64_t n = 6, vocabulary = 1009;
  Matrix logits = Logits(n, vocabulary, 5.0);
  const std::vector<int32_t> targets = Targets(n, vocabulary);
  const std::vector<float> weights = Weights(n);
  const Result whole = Forward(Threads(1), logits, targets, weights.data());
  // The third part has no columns, as a rank might.
  const int64_t first[] = {0, 11, 700, 700, vocabulary};
  std::vector<LogitStats> stats(4 * n);
  for (int64_t p = 0; p < 4; ++p) {
    LogitStatistics(Threads(2),
                    logits.view().Columns(first[p], first[p + 1] - first[p]),
                    targets.data(), first[p], stats.data() + p * n);
  }
  MergeLogitStats(stats.data(), 4, n, stats.data());
  std::vector<double> loss(static_cast<size_t>(n));
  CrossEntropyLoss(stats.data(), weights.data(), n, loss.data());
  ExpectClose(loss, whole.loss, 1e-6);

  Matrix expected(n, vocabulary), actual(n, vocabulary);
  CrossEntropyBackward(Threads(1), logits.view(),
                       {whole.stats.data(), targets.data(), weights.data()}, 0,
                       expected.view());
  for (int64_t p = 0; p < 4; ++p) {
    const int64_t count = first[p + 1] - first[p];
    CrossEntropyBackward(Threads(1), logits.view().Columns(first[p], count),
                         {stats.data(), targets.data(), weights.data()},
                         first[p], actual.view().Columns(first[p], count));
  }
  ExpectClose(ToDoubles(actual), ToDoubles(expected), 1e-6);
}

}  // namespace
}  // namespace perdure::kernels
