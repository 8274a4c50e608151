// Attention with keys and values that all queries see, against fp64 and central
// differences.

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>

#include "tests/runtime/kernels/attention_reference.h"

namespace perdure::kernels {
namespace {

struct Case {
  AttentionShape shape;  // B, T, H, G, dh
  int64_t prefix;
  DType dtype = DType::kF32;
  bool documents = false;
  float dropout = 0;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << "T" << c.shape.tokens << " P" << c.prefix;
}

// All inputs in one vector: rows of q, k, v, then those of the prefix's keys,
// then of its values.
class AttentionPrefixTest : public testing::TestWithParam<Case> {
 protected:
  AttentionPrefixTest()
      : c_(GetParam()),
        shape_(c_.shape),
        problem_(shape_, c_.dtype),
        width_(shape_.kv_heads * shape_.head_dim),
        k_(Matrix::Random(c_.prefix, width_, 7, c_.dtype, 3)),
        v_(Matrix::Random(c_.prefix, width_, 8, c_.dtype, 3)),
        dk_(c_.prefix, width_),
        dv_(c_.prefix, width_) {
    for (int64_t b = 0; b < shape_.batch; ++b) {
      sequences_.push_back((int64_t{5} << 33) + 3 * b);
      for (int64_t t = 0; t < shape_.tokens; ++t) {
        first_visible_.push_back(static_cast<int32_t>(t / (5 + b) * (5 + b)));
      }
    }
    AttentionOptions& options = problem_.options;
    if (c_.documents) options.first_visible = first_visible_.data();
    options.dropout = {c_.dropout, {11, 12}, sequences_.data(), 3};
    options.prefix = {k_.view(), v_.view()};
  }

  Doubles Inputs() const {
    Doubles all = ToDoubles(problem_.qkv);
    for (const Matrix* m : {&k_, &v_}) {
      const Doubles some = ToDoubles(*m);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  // One row of the output, and its log-sum-exp.
  double Row(const Doubles& x, int64_t b, int64_t h, int64_t t,
             Doubles* out) const {
    const int64_t dh = shape_.head_dim, row = b * shape_.tokens + t;
    const int64_t fused = (shape_.heads + 2 * shape_.kv_heads) * dh;
    const int64_t kv = h / (shape_.heads / shape_.kv_heads) * dh;
    const double* prefix = x.data() + shape_.batch * shape_.tokens * fused;
    const double* q = x.data() + row * fused + h * dh;
    const auto key = [&](int64_t u) {
      if (u < 0) return prefix + (c_.prefix + u) * width_ + kv;
      return x.data() + (b * shape_.tokens + u) * fused + shape_.heads * dh +
             kv;
    };
    const auto value = [&](int64_t u) {
      return key(u) + (u < 0 ? c_.prefix * width_ : width_);
    };
    const int64_t first = c_.documents ? first_visible_[row] : 0;
    double sum = 0;
    out->assign(static_cast<size_t>(dh), 0);
    for (int64_t u = -c_.prefix; u <= t; ++u) {
      if (u >= 0 && u < first) continue;
      double dot = 0;
      for (int64_t i = 0; i < dh; ++i) dot += q[i] * key(u)[i];
      const double e = std::exp(dot * problem_.options.scale);
      // Prefix token p has the noise of position 2^31 + p.
      const int64_t position = u < 0 ? (int64_t{1} << 31) + c_.prefix + u : u;
      const double keep =
          KeepFactor(problem_.options.dropout, b, h, t, position);
      sum += e;
      for (int64_t i = 0; i < dh; ++i) (*out)[i] += keep * e * value(u)[i];
    }
    for (double& y : *out) y /= sum;
    return std::log(sum);
  }

  Doubles Reference(const Doubles& x, Doubles* lse = nullptr) const {
    const int64_t dh = shape_.head_dim;
    Doubles out(shape_.batch * shape_.tokens * shape_.heads * dh), row;
    if (lse != nullptr) lse->resize(out.size() / dh);
    for (int64_t b = 0; b < shape_.batch; ++b) {
      for (int64_t h = 0; h < shape_.heads; ++h) {
        for (int64_t t = 0; t < shape_.tokens; ++t) {
          const double sum = Row(x, b, h, t, &row);
          if (lse != nullptr) {
            (*lse)[(b * shape_.heads + h) * shape_.tokens + t] = sum;
          }
          std::copy(
              row.begin(), row.end(),
              out.begin() + ((b * shape_.tokens + t) * shape_.heads + h) * dh);
        }
      }
    }
    return out;
  }

  void Backward(int threads) {
    const ConstMatrixView in = problem_.qkv.view();
    const MatrixView grad = problem_.dqkv.view();
    for (Matrix* m : {&dk_, &dv_}) {
      for (int64_t i = 0; i < c_.prefix * width_; ++i) {
        m->Set(i / width_, i % width_, 0);
      }
    }
    AttentionBackward(
        Threads(threads), shape_,
        {problem_.Part(in, 0), problem_.Part(in, 1), problem_.Part(in, 2)},
        {problem_.out.view(), problem_.lse.data(), problem_.dout.view()},
        {problem_.Part(grad, 0), problem_.Part(grad, 1), problem_.Part(grad, 2),
         dk_.view(), dv_.view()},
        problem_.options);
  }

  Case c_;
  AttentionShape shape_;
  AttentionProblem problem_;
  int64_t width_;
  Matrix k_, v_, dk_, dv_;
  std::vector<int64_t> sequences_;
  std::vector<int32_t> first_visible_;
};

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionPrefixTest,
    testing::Values(Case{{1, 1, 1, 1, 3}, 1}, Case{{2, 9, 4, 2, 5}, 5},
                    Case{{1, 70, 2, 1, 8}, 19},
                    Case{{2, 13, 2, 2, 16}, 5, DType::kF32, true},
                    Case{{2, 12, 2, 1, 4}, 6, DType::kF32, true, 0.3f},
                    Case{{2, 11, 4, 2, 20}, 5, DType::kBF16}),
    [](const testing::TestParamInfo<Case>& info) {
      return "Case" + std::to_string(info.index);
    });

TEST_P(AttentionPrefixTest, ForwardMatchesFp64) {
  Doubles lse;
  const Doubles expected = Reference(Inputs(), &lse);
  OnEveryInstructionSet([&] {
    problem_.Forward(1);
    // bf16 outputs are rounded twice: before the prefix joins, and after.
    ExpectClose(ToDoubles(problem_.out), expected,
                2 * Tolerance(c_.dtype, 2e-6));
    ExpectClose(ToDoubles(problem_.lse), lse, 3e-6);
    EXPECT_TRUE(problem_.out.GapsUntouched());
  });
}

TEST_P(AttentionPrefixTest, BackwardMatchesDifferences) {
  const Doubles dout = ToDoubles(problem_.dout);
  const Doubles expected = Differences(
      Inputs(), [&](const Doubles& x) { return Dot(Reference(x), dout); });
  OnEveryInstructionSet([&] {
    problem_.Forward(1);
    Backward(1);
    Doubles got = ToDoubles(problem_.dqkv);
    for (const Matrix* m : {&dk_, &dv_}) {
      const Doubles some = ToDoubles(*m);
      got.insert(got.end(), some.begin(), some.end());
    }
    ExpectClose(got, expected, c_.dtype == DType::kF32 ? 1e-5 : 0.03);
    EXPECT_TRUE(problem_.dqkv.GapsUntouched());
  });
}

TEST_P(AttentionPrefixTest, BitsIgnoreThreads) {
  problem_.Forward(1);
  Backward(1);
  const Matrix out = problem_.out, lse = problem_.lse, grad = problem_.dqkv;
  const Matrix dk = dk_, dv = dv_;
  for (int threads : {2, 3, 16}) {
    problem_.Forward(threads);
    Backward(threads);
    EXPECT_TRUE(out == problem_.out) << threads;
    EXPECT_TRUE(lse == problem_.lse) << threads;
    EXPECT_TRUE(grad == problem_.dqkv) << threads;
    EXPECT_TRUE(dk == dk_ && dv == dv_) << threads;
  }
}

TEST_P(AttentionPrefixTest, DecodingSeesAPrefixThatLeadsTheCache) {
  problem_.options.first_visible = nullptr;  // decoding has neither
  problem_.options.dropout.probability = 0;
  problem_.Forward(1);
  const int64_t rows = c_.prefix + shape_.tokens, dh = shape_.head_dim;
  const int64_t queries = shape_.heads * dh;
  Matrix q(shape_.batch, queries, c_.dtype, 2);
  Matrix keys(shape_.batch * rows, width_, c_.dtype, 2);
  Matrix values(shape_.batch * rows, width_, c_.dtype, 2);
  Matrix out(shape_.batch, queries, c_.dtype, 2);
  Doubles expected;
  for (int64_t b = 0; b < shape_.batch; ++b) {
    const int64_t last = (b + 1) * shape_.tokens - 1;
    for (int64_t i = 0; i < queries; ++i) {
      q.Set(b, i, problem_.qkv.At(last, i));
      expected.push_back(problem_.out.At(last, i));
    }
    for (int64_t i = 0; i < rows * width_; ++i) {
      const int64_t row = i / width_, col = i % width_;
      const int64_t token = b * shape_.tokens + row - c_.prefix;
      const bool own = row >= c_.prefix;
      keys.Set(b * rows + row, col,
               own ? problem_.qkv.At(token, queries + col) : k_.At(row, col));
      values.Set(b * rows + row, col,
                 own ? problem_.qkv.At(token, queries + width_ + col)
                     : v_.At(row, col));
    }
  }
  const std::vector<int32_t> lengths(static_cast<size_t>(shape_.batch),
                                     static_cast<int32_t>(rows));
  AttentionDecode(Threads(1), shape_, q.view(),
                  {keys.view(), values.view(), rows, lengths.data()},
                  problem_.options.scale, out.view());
  ExpectClose(ToDoubles(out), expected, 2 * Tolerance(c_.dtype, 2e-6));
}

}  // namespace
}  // namespace perdure::kernels
