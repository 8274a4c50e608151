#ifndef PERDURE_TESTS_RUNTIME_KERNELS_ATTENTION_REFERENCE_H_
#define PERDURE_TESTS_RUNTIME_KERNELS_ATTENTION_REFERENCE_H_

// Attention in fp64, one row at a time, with the whole matrix of probabilities;
// and a problem with q, k, v in one fused buffer to run both on.

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/kernels/attention.h"
#include "tests/runtime/kernels/reference.h"

namespace perdure::kernels {

// The factor (0 or 1/(1-p)) of every (b, h, query, key), by the layout that
// attention.h promises.
inline double KeepFactor(const AttentionDropout& dropout, int64_t b, int64_t h,
                         int64_t query, int64_t key) {
  if (dropout.probability == 0) return 1;
  const uint64_t sequence = dropout.sequence[b];
  const PhiloxCounter bits =
      Philox4x32({static_cast<uint32_t>(key / 4), static_cast<uint32_t>(query),
                  static_cast<uint32_t>(sequence),
                  0x80000000u | static_cast<uint32_t>(sequence >> 32) << 16 |
                      static_cast<uint32_t>(dropout.first_head + h)},
                 dropout.key);
  const float uniform = UniformFromBits(bits[key % 4]);
  return uniform < dropout.probability ? 0.0 : 1.0 / (1 - dropout.probability);
}

// qkv: [B*T, (H + 2 G) dh], q then k then v.
inline Doubles ReferenceAttention(const AttentionShape& s, const Doubles& qkv,
                                  const AttentionOptions& options,
                                  Doubles* lse = nullptr) {
  const int64_t width = (s.heads + 2 * s.kv_heads) * s.head_dim;
  const int64_t group = s.heads / s.kv_heads;
  Doubles out(s.batch * s.tokens * s.heads * s.head_dim, 0.0);
  if (lse != nullptr) lse->assign(s.batch * s.heads * s.tokens, 0.0);
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t h = 0; h < s.heads; ++h) {
      for (int64_t t = 0; t < s.tokens; ++t) {
        const int64_t row = b * s.tokens + t;
        const int64_t first =
            options.first_visible == nullptr ? 0 : options.first_visible[row];
        const double* q = qkv.data() + row * width + h * s.head_dim;
        const auto kv = [&](int64_t u, int64_t kind) {
          return qkv.data() + (b * s.tokens + u) * width +
                 (s.heads + kind * s.kv_heads + h / group) * s.head_dim;
        };
        Doubles p;
        double sum = 0;
        for (int64_t u = first; u <= t; ++u) {
          double dot = 0;
          for (int64_t i = 0; i < s.head_dim; ++i) dot += q[i] * kv(u, 0)[i];
          p.push_back(std::exp(dot * options.scale));
          sum += p.back();
        }
        if (lse != nullptr) {
          (*lse)[(b * s.heads + h) * s.tokens + t] = std::log(sum);
        }
        for (int64_t u = first; u <= t; ++u) {
          const double weight =
              p[u - first] / sum * KeepFactor(options.dropout, b, h, t, u);
          for (int64_t i = 0; i < s.head_dim; ++i) {
            out[(row * s.heads + h) * s.head_dim + i] += weight * kv(u, 1)[i];
          }
        }
      }
    }
  }
  return out;
}

// Gradients of Dot(out, dout), laid out as qkv. Checked itself against central
// differences by AttentionReferenceTest.
inline Doubles ReferenceGradient(const AttentionShape& s, const Doubles& qkv,
                                 const AttentionOptions& options,
                                 const Doubles& dout) {
  const int64_t dh = s.head_dim, width = (s.heads + 2 * s.kv_heads) * dh;
  const int64_t group = s.heads / s.kv_heads;
  Doubles lse, grad(qkv.size(), 0.0);
  const Doubles out = ReferenceAttention(s, qkv, options, &lse);
  for (int64_t unit = 0; unit < s.batch * s.heads * s.tokens; ++unit) {
    const int64_t t = unit % s.tokens, h = unit / s.tokens % s.heads;
    const int64_t b = unit / s.tokens / s.heads, row = b * s.tokens + t;
    const int64_t q = row * width + h * dh;
    const double* g = dout.data() + (row * s.heads + h) * dh;
    const double* o = out.data() + (row * s.heads + h) * dh;
    double delta = 0;
    for (int64_t i = 0; i < dh; ++i) delta += g[i] * o[i];
    const int64_t first =
        options.first_visible == nullptr ? 0 : options.first_visible[row];
    for (int64_t u = first; u <= t; ++u) {
      const int64_t k = (b * s.tokens + u) * width + (s.heads + h / group) * dh;
      const int64_t v = k + s.kv_heads * dh;
      double dot = 0, dp = 0;
      for (int64_t i = 0; i < dh; ++i) dot += qkv[q + i] * qkv[k + i];
      for (int64_t i = 0; i < dh; ++i) dp += g[i] * qkv[v + i];
      const double p = std::exp(dot * options.scale - lse[unit]);
      const double keep = KeepFactor(options.dropout, b, h, t, u);
      const double ds = p * (keep * dp - delta) * options.scale;
      for (int64_t i = 0; i < dh; ++i) {
        grad[v + i] += keep * p * g[i];
        grad[k + i] += ds * qkv[q + i];
        grad[q + i] += ds * qkv[k + i];
      }
    }
  }
  return grad;
}

// q, k, v and their gradients are column ranges of fused buffers, as in a
// model.
struct AttentionProblem {
  AttentionShape shape;
  Matrix qkv, out, dout, dqkv, lse;
  AttentionOptions options;

  AttentionProblem(const AttentionShape& s, DType dtype)
      : shape(s),
        qkv(Matrix::Random(s.batch * s.tokens,
                           (s.heads + 2 * s.kv_heads) * s.head_dim, 1, dtype,
                           5)),
        out(s.batch * s.tokens, s.heads * s.head_dim, dtype, 3),
        dout(Matrix::Random(s.batch * s.tokens, s.heads * s.head_dim, 2, dtype,
                            1)),
        dqkv(s.batch * s.tokens, (s.heads + 2 * s.kv_heads) * s.head_dim, dtype,
             5),
        lse(s.batch * s.heads, s.tokens) {
    // Steeper than 1/sqrt(dh), so that the softmax is far from uniform.
    options.scale = 2 / std::sqrt(static_cast<float>(s.head_dim));
  }

  template <typename View>
  View Part(View fused, int kind) const {  // 0: q, 1: k, 2: v
    const int64_t dh = shape.head_dim, kv = shape.kv_heads * dh;
    const int64_t queries = shape.heads * dh;
    if (kind == 0) return fused.Columns(0, queries);
    return fused.Columns(queries + (kind - 1) * kv, kv);
  }
  void Forward(int threads) {
    const ConstMatrixView in = qkv.view();
    AttentionForward(Threads(threads), shape,
                     {Part(in, 0), Part(in, 1), Part(in, 2)}, out.view(),
                     lse.data(), options);
  }
  void Backward(int threads) {
    const ConstMatrixView in = qkv.view();
    const MatrixView grad = dqkv.view();
    AttentionBackward(Threads(threads), shape,
                      {Part(in, 0), Part(in, 1), Part(in, 2)},
                      {out.view(), lse.data(), dout.view()},
                      {Part(grad, 0), Part(grad, 1), Part(grad, 2)}, options);
  }
};

}  // namespace perdure::kernels

#endif  // PERDURE_TESTS_RUNTIME_KERNELS_ATTENTION_REFERENCE_H_
