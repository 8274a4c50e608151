#include "runtime/kernels/attention.h"

#include <string>

#include "tests/runtime/kernels/attention_reference.h"

namespace perdure::kernels {
namespace {

struct Case {
  AttentionShape shape;  // B, T, H, G, dh
  DType dtype = DType::kF32;
  bool documents = false;
  float dropout = 0;
};

class AttentionTest : public testing::TestWithParam<Case> {
 protected:
  AttentionTest() : problem_(GetParam().shape, GetParam().dtype) {
    const AttentionShape& s = GetParam().shape;
    for (int64_t b = 0; b < s.batch; ++b) {
      sequences_.push_back((int64_t{5} << 33) + 3 * b);
      for (int64_t t = 0; t < s.tokens; ++t) {
        // Documents of 1, 2, 3, ... tokens, shifted by the sequence; later
        // ones span whole tiles.
        int64_t begin = 0;
        for (int64_t n = 1 + b; begin + n <= t; n = 2 * n + 1) begin += n;
        first_visible_.push_back(static_cast<int32_t>(begin));
      }
    }
    AttentionOptions& options = problem_.options;
    if (GetParam().documents) options.first_visible = first_visible_.data();
    options.dropout.probability = GetParam().dropout;
    options.dropout.key = {11, 12};
    options.dropout.sequence = sequences_.data();
    options.dropout.first_head = 3;
  }

  AttentionProblem problem_;
  std::vector<int64_t> sequences_;
  std::vector<int32_t> first_visible_;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (int64_t tokens : {1, 7, 63, 64, 65, 130}) {
    cases.push_back({{2, tokens, 2, 2, 16}});
  }
  for (int64_t head_dim : {1, 5, 32, 48, 64, 80, 128}) {
    cases.push_back({{1, 70, 2, 1, head_dim}});
  }
  cases.push_back({{1, 130, 6, 2, 24}});                     // grouped heads
  cases.push_back({{2, 200, 2, 2, 16}, DType::kF32, true});  // documents
  cases.push_back({{2, 90, 4, 2, 20}, DType::kF32, true, 0.3f});
  cases.push_back({{1, 70, 2, 2, 16}, DType::kF32, false, 0.1f});
  cases.push_back({{2, 65, 4, 2, 40}, DType::kBF16});
  cases.push_back({{2, 90, 2, 2, 33}, DType::kBF16, true, 0.2f});
  return cases;
}

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  const AttentionShape& s = info.param.shape;
  std::string name = "B" + std::to_string(s.batch) + "T" +
                     std::to_string(s.tokens) + "H" + std::to_string(s.heads) +
                     "G" + std::to_string(s.kv_heads) + "D" +
                     std::to_string(s.head_dim);
  if (info.param.dtype == DType::kBF16) name += "Bf16";
  if (info.param.documents) name += "Documents";
  if (info.param.dropout > 0) name += "Dropout";
  return name;
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest, testing::ValuesIn(Cases()),
                         CaseName);

TEST_P(AttentionTest, ForwardMatchesFp64) {
  Doubles lse;
  const Doubles expected = ReferenceAttention(
      problem_.shape, ToDoubles(problem_.qkv), problem_.options, &lse);
  OnEveryInstructionSet([&] {
    problem_.Forward(1);
    ExpectClose(ToDoubles(problem_.out), expected,
                Tolerance(GetParam().dtype, 3e-6));
    ExpectClose(ToDoubles(problem_.lse), lse, 3e-6);
    EXPECT_TRUE(problem_.out.GapsUntouched());
  });
}

TEST_P(AttentionTest, BackwardMatchesFp64) {
  const Doubles expected =
      ReferenceGradient(problem_.shape, ToDoubles(problem_.qkv),
                        problem_.options, ToDoubles(problem_.dout));
  const double tolerance = GetParam().dtype == DType::kF32 ? 1e-5 : 0.02;
  OnEveryInstructionSet([&] {
    problem_.Forward(1);
    problem_.Backward(1);
    ExpectClose(ToDoubles(problem_.dqkv), expected, tolerance);
    EXPECT_TRUE(problem_.dqkv.GapsUntouched());
  });
}

TEST_P(AttentionTest, BitsIgnoreThreads) {
  problem_.Forward(1);
  problem_.Backward(1);
  const Matrix out = problem_.out, lse = problem_.lse, grad = problem_.dqkv;
  // 3 threads: uneven chunks; 16: heads are split into tiles.
  for (int threads : {2, 3, 16}) {
    problem_.out = Matrix(out.rows(), out.cols(), GetParam().dtype, 3);
    problem_.dqkv = Matrix(grad.rows(), grad.cols(), GetParam().dtype, 5);
    problem_.Forward(threads);
    problem_.Backward(threads);
    EXPECT_TRUE(out == problem_.out) << threads;
    EXPECT_TRUE(lse == problem_.lse) << threads;
    EXPECT_TRUE(grad == problem_.dqkv) << threads;
  }
}

TEST_P(AttentionTest, BitsIgnoreTheVectorLength) {
  if ((hwy::SupportedTargets() & HWY_AVX3) == 0) {
    GTEST_SKIP() << "this CPU has no AVX-512";
  }
  hwy::GetChosenTarget().Update(HWY_AVX3);
  problem_.Forward(1);
  problem_.Backward(1);
  const Matrix out = problem_.out, grad = problem_.dqkv;
  hwy::GetChosenTarget().Update(HWY_AVX2);
  problem_.Forward(1);
  problem_.Backward(1);
  hwy::GetChosenTarget().DeInit();
  EXPECT_TRUE(out == problem_.out);
  EXPECT_TRUE(grad == problem_.dqkv);
}

TEST(AttentionReferenceTest, GradientMatchesDifferences) {
  const AttentionShape shape{1, 6, 4, 2, 3};
  AttentionProblem problem(shape, DType::kF32);
  const std::vector<int32_t> first_visible = {0, 0, 2, 2, 2, 5};
  const int64_t sequence = 9;
  problem.options.first_visible = first_visible.data();
  problem.options.dropout = {0.25f, {1, 2}, &sequence, 0};
  const Doubles dout = ToDoubles(problem.dout);
  const Doubles qkv = ToDoubles(problem.qkv);
  const Doubles expected = Differences(qkv, [&](const Doubles& x) {
    return Dot(ReferenceAttention(shape, x, problem.options), dout);
  });
  ExpectClose(ReferenceGradient(shape, qkv, problem.options, dout), expected,
              1e-8);
  problem.Forward(1);
  problem.Backward(1);
  ExpectClose(ToDoubles(problem.dqkv), expected, 1e-5);
}

TEST(AttentionTest, LargeScoresDoNotOverflow) {
  AttentionProblem problem({1, 40, 1, 1, 16}, DType::kF32);
  problem.options.scale = 1000;
  problem.Forward(1);
  problem.Backward(1);
  for (double value : ToDoubles(problem.out)) EXPECT_LE(std::abs(value), 1.001);
  for (double value : ToDoubles(problem.dqkv))
    EXPECT_TRUE(std::isfinite(value));
}

TEST(AttentionTest, NanInAQueryReachesItsOutput) {
  AttentionProblem problem({1, 70, 1, 1, 16}, DType::kF32);
  problem.qkv.Set(66, 3, NAN);
  problem.Forward(1);
  EXPECT_TRUE(std::isnan(problem.out.At(66, 0)));
  EXPECT_FALSE(std::isnan(problem.out.At(65, 0)));
}

TEST(AttentionTest, LaterTokensDoNotChangeEarlierRows) {
  // Tokens of another micro-batch shape: the rows that both have are equal bit
  // for bit.
  AttentionProblem longer({1, 150, 2, 2, 16}, DType::kF32);
  AttentionProblem shorter({1, 100, 2, 2, 16}, DType::kF32);
  for (int64_t row = 0; row < 100; ++row) {
    for (int64_t col = 0; col < 96; ++col) {
      shorter.qkv.Set(row, col, longer.qkv.At(row, col));
    }
  }
  longer.Forward(1);
  shorter.Forward(1);
  for (int64_t row = 0; row < 100; ++row) {
    for (int64_t col = 0; col < 32; ++col) {
      ASSERT_EQ(longer.out.At(row, col), shorter.out.At(row, col));
    }
  }
}

// With all scores equal and v = 1, a query's output is the mean keep factor.
TEST(AttentionDropoutTest, KeepsTheExpectedShare) {
  AttentionProblem problem({4, 256, 4, 4, 8}, DType::kF32);
  const std::vector<int64_t> sequences = {0, 1, 2, 3};
  problem.options.dropout = {0.2f, {5, 6}, sequences.data(), 0};
  for (int64_t i = 0; i < 1024 * 96; ++i) {
    problem.qkv.Set(i / 96, i % 96, i % 96 < 64 ? 0 : 1);
  }
  problem.Forward(1);
  double sum = 0;
  for (double value : ToDoubles(problem.out)) sum += value;
  // 526,336 drawn bits, those of early queries weigh more: sigma about 0.002.
  EXPECT_NEAR(sum / (1024 * 32), 1.0, 0.01);
}

TEST(AttentionDropoutTest, MaskIgnoresHowHeadsAndSequencesAreSplit) {
  const AttentionShape whole{2, 70, 4, 4, 16};
  AttentionProblem problem(whole, DType::kF32);
  const std::vector<int64_t> sequences = {40, 41};
  problem.options.dropout = {0.3f, {5, 6}, sequences.data(), 0};
  problem.Forward(1);
  problem.Backward(1);
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t head = 0; head < 4; head += 2) {
      AttentionProblem part({1, 70, 2, 2, 16}, DType::kF32);
      part.options = problem.options;
      part.options.dropout.sequence = sequences.data() + b;
      part.options.dropout.first_head = head;
      const auto column = [&](int64_t col) {
        return col / 32 * 64 + head * 16 + col % 32;
      };
      for (int64_t i = 0; i < 70 * 96; ++i) {
        part.qkv.Set(i / 96, i % 96,
                     problem.qkv.At(b * 70 + i / 96, column(i % 96)));
      }
      for (int64_t i = 0; i < 70 * 32; ++i) {
        part.dout.Set(i / 32, i % 32,
                      problem.dout.At(b * 70 + i / 32, column(i % 32)));
      }
      part.Forward(1);
      part.Backward(1);
      for (int64_t i = 0; i < 70 * 32; ++i) {
        ASSERT_EQ(part.out.At(i / 32, i % 32),
                  problem.out.At(b * 70 + i / 32, column(i % 32)));
      }
      for (int64_t i = 0; i < 70 * 96; ++i) {
        ASSERT_EQ(part.dqkv.At(i / 96, i % 96),
                  problem.dqkv.At(b * 70 + i / 96, column(i % 96)));
      }
    }
  }
}

class AttentionDecodeTest : public testing::TestWithParam<DType> {};

INSTANTIATE_TEST_SUITE_P(DTypes, AttentionDecodeTest,
                         testing::Values(DType::kF32, DType::kBF16));

TEST_P(AttentionDecodeTest, EqualsTheLastRowOfTheForwardPass) {
  const AttentionShape shape{2, 75, 6, 2, 20};
  constexpr int64_t kCapacity = 90;
  const std::vector<int32_t> lengths = {75, 40};
  AttentionProblem problem(shape, GetParam());
  problem.Forward(1);
  // The cache: rows of the fused buffer, copied to where decoding wants them.
  Matrix q(2, 120, GetParam(), 7), keys(2 * kCapacity, 40, GetParam(), 2);
  Matrix values(2 * kCapacity, 40, GetParam(), 2);
  Doubles expected;
  for (int64_t b = 0; b < 2; ++b) {
    const int64_t last = b * 75 + lengths[b] - 1;
    for (int64_t i = 0; i < 120; ++i) {
      q.Set(b, i, problem.qkv.At(last, i));
      expected.push_back(problem.out.At(last, i));
    }
    for (int64_t i = 0; i < kCapacity * 40; ++i) {
      const int64_t row = i / 40, col = i % 40;
      const bool valid = row < lengths[b];
      keys.Set(b * kCapacity + row, col,
               valid ? problem.qkv.At(b * 75 + row, 120 + col) : NAN);
      values.Set(b * kCapacity + row, col,
                 valid ? problem.qkv.At(b * 75 + row, 160 + col) : NAN);
    }
  }
  OnEveryInstructionSet([&] {
    for (int threads : {1, 3}) {
      Matrix out(2, 120, GetParam(), 4);
      AttentionDecode(Threads(threads), shape, q.view(),
                      {keys.view(), values.view(), kCapacity, lengths.data()},
                      problem.options.scale, out.view());
      ExpectClose(ToDoubles(out), expected, Tolerance(GetParam(), 2e-6));
      EXPECT_TRUE(out.GapsUntouched());
    }
  });
}

}  // namespace
}  // namespace perdure::kernels
