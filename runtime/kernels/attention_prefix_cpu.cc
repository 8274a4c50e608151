#include <algorithm>
#include <cmath>
#include <vector>

#include "glog/logging.h"
#include "runtime/kernels/attention_prefix.h"
#include "runtime/kernels/attention_tiles.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/attention_prefix_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/exp-inl.h"
#include "runtime/kernels/vector-inl.h"

// Seen once, by all instruction sets.
#ifndef PERDURE_RUNTIME_KERNELS_ATTENTION_PREFIX_CPU_TYPES_
#define PERDURE_RUNTIME_KERNELS_ATTENTION_PREFIX_CPU_TYPES_
namespace perdure::kernels {
namespace {

// One query of one head. Scratch is padded to whole groups of 16 floats.
struct PrefixQuery {
  ConstMatrixView q;  // [1, dh]
  ConstMatrixView k;  // [P, dh]
  ConstMatrixView v;  // [P, dh]
  float scale;
  HeadDropout dropout;
  int64_t position;      // of the query in its sequence
  float* row;            // [dh] scratch
  float* probabilities;  // [P] out
};

// What came of one query in the forward pass, and the gradient at it.
struct PrefixQueryGradient {
  ConstMatrixView out;   // [1, dh]
  ConstMatrixView dout;  // [1, dh]
  float lse;
  MatrixView dq;  // [1, dh], added to
  float* ds;      // [P] out, gradient at the scaled scores
};

// One prefix token's key and value in one kv head, and a sequence's queries.
struct PrefixKey {
  ConstMatrixView q;     // [T, heads dh], of the query heads it serves
  ConstMatrixView dout;  // [T, heads dh]
  int64_t head_dim;
  float scale;
  // Of the first query's first head; then `head_step` to the next head and
  // `query_step` to the next query.
  const float* ds;
  const float* probabilities;
  int64_t head_step;
  int64_t query_step;
  float* dk;  // [dh], added to
  float* dv;
};

// What dropout multiplies the probability of prefix token `token` by.
float KeepFactor(const PrefixQuery& query, int64_t token) {
  const HeadDropout& dropout = query.dropout;
  if (dropout.probability == 0) return 1;
  constexpr int64_t kFirstPosition = int64_t{1} << 31;
  const PhiloxCounter bits = Philox4x32(
      {static_cast<uint32_t>((kFirstPosition + token) / 4),
       static_cast<uint32_t>(query.position), dropout.word2, dropout.word3},
      dropout.key);
  const float uniform = UniformFromBits(bits[static_cast<size_t>(token % 4)]);
  return uniform < dropout.probability ? 0 : dropout.keep_scale;
}

}  // namespace
}  // namespace perdure::kernels
#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_PREFIX_CPU_TYPES_

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

// out[i] = a . row i of m; a is padded with zeros to a multiple of 16.
template <typename T>
void DotRows(const float* a, const ConstMatrixView& m, float* out) {
  for (int64_t row = 0; row < m.rows; ++row) {
    const T* b = m.as<T>() + row * m.stride;
    Sum sum;
    ForEachPartial(m.cols, [&](int64_t part, int64_t i, int64_t left) HWY_ATTR {
      sum.AddProduct(part, Load(a + i), LoadUpTo(b + i, left));
    });
    out[row] = sum.Total();
  }
}

// y += factor * (sum over rows of factors[row] m[row, :]).
template <typename T, typename Y>
void AddRows(float factor, const float* factors, const ConstMatrixView& m,
             Y* y) {
  ForEachVector(m.cols, [&](int64_t i, int64_t left) HWY_ATTR {
    Vec sum = hn::Zero(F32());
    for (int64_t row = 0; row < m.rows; ++row) {
      sum = hn::MulAdd(Broadcast(factors[row]),
                       LoadUpTo(m.as<T>() + row * m.stride + i, left), sum);
    }
    const Vec all = hn::MulAdd(Broadcast(factor), sum, LoadUpTo(y + i, left));
    StoreUpTo(all, y + i, left);
  });
}

// out [padded] = factor * x [1, n], zeros behind it.
template <typename T>
void ScaleRow(const ConstMatrixView& x, float factor, float* out) {
  ForEachPartial(x.cols, [&](int64_t, int64_t i, int64_t left) HWY_ATTR {
    Store(hn::Mul(LoadUpTo(x.as<T>() + i, left), Broadcast(factor)), out + i);
  });
}

// x [n] -> exp(x - shift); their sum. x is padded.
float ExpInPlace(float shift, float* x, int64_t n) {
  Sum sum;
  ForEachPartial(n, [&](int64_t part, int64_t i, int64_t left) HWY_ATTR {
    const Vec e = KeepFirst(
        ExpBounded(hn::Sub(LoadUpTo(x + i, left), Broadcast(shift))), left);
    sum.Add(part, e);
    Store(e, x + i);
  });
  return sum.Total();
}

template <typename T>
void MergeTyped(const PrefixQuery& query, const MatrixView& out, float* lse) {
  const int64_t n = query.k.rows;
  float* p = query.probabilities;
  ScaleRow<T>(query.q, query.scale, query.row);
  DotRows<T>(query.row, query.k, p);
  const float max = std::max(*lse, *std::max_element(p, p + n));
  const float own = std::exp(*lse - max);
  const float total = own + ExpInPlace(max, p, n);
  for (int64_t i = 0; i < n; ++i) p[i] *= KeepFactor(query, i);
  // Summed in fp32, rounded once.
  ScaleRow<T>(out, own / total, query.row);
  AddRows<T>(1 / total, p, query.v, query.row);
  T* to = out.as<T>();
  ForEachVector(out.cols, [&](int64_t i, int64_t left) HWY_ATTR {
    StoreUpTo(Load(query.row + i), to + i, left);
  });
  *lse = max + std::log(total);
}

void Merge(const PrefixQuery& query, const MatrixView& out, float* lse) {
  out.dtype == DType::kF32 ? MergeTyped<float>(query, out, lse)
                           : MergeTyped<bf16>(query, out, lse);
}

// With P the probabilities and D the dropout factors: leaves D P, and
// dS = P (D (dO V^T) - delta), delta = dO . O; dQ += scale dS K.
template <typename T>
void BackwardTyped(const PrefixQuery& query, const PrefixQueryGradient& g) {
  const int64_t n = query.k.rows;
  float* p = query.probabilities;
  float delta = 0;
  ScaleRow<T>(g.dout, 1.0f, query.row);
  DotRows<T>(query.row, query.v, g.ds);
  DotRows<T>(query.row, g.out, &delta);
  ScaleRow<T>(query.q, query.scale, query.row);
  DotRows<T>(query.row, query.k, p);
  ExpInPlace(g.lse, p, n);
  for (int64_t i = 0; i < n; ++i) {
    const float keep = KeepFactor(query, i);
    g.ds[i] = p[i] * (keep * g.ds[i] - delta);
    p[i] *= keep;
  }
  g.dq.dtype == DType::kF32
      ? AddRows<T>(query.scale, g.ds, query.k, g.dq.as<float>())
      : AddRows<T>(query.scale, g.ds, query.k, g.dq.as<bf16>());
}

void Backward(const PrefixQuery& query, const PrefixQueryGradient& gradient) {
  query.q.dtype == DType::kF32 ? BackwardTyped<float>(query, gradient)
                               : BackwardTyped<bf16>(query, gradient);
}

// dK += scale dS Q, dV += D P dO
template <typename T>
void SumKeyTyped(const PrefixKey& key) {
  const int64_t width = key.head_dim;
  for (int64_t t = 0; t < key.q.rows; ++t) {
    for (int64_t h = 0; h * width < key.q.cols; ++h) {
      const int64_t at = t * key.query_step + h * key.head_step;
      AddRows<T>(key.scale, key.ds + at,
                 key.q.Rows(t, 1).Columns(h * width, width), key.dk);
      AddRows<T>(1.0f, key.probabilities + at,
                 key.dout.Rows(t, 1).Columns(h * width, width), key.dv);
    }
  }
}

void SumKey(const PrefixKey& key) {
  key.q.dtype == DType::kF32 ? SumKeyTyped<float>(key) : SumKeyTyped<bf16>(key);
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(Merge);
HWY_EXPORT(Backward);
HWY_EXPORT(SumKey);

int64_t Padded(int64_t n) { return (n + 15) / 16 * 16; }

// The query of `head` in row `row`; without scratch.
PrefixQuery QueryOf(const AttentionShape& shape, ConstMatrixView q,
                    const AttentionOptions& options, int64_t row,
                    int64_t head) {
  const int64_t dh = shape.head_dim;
  const int64_t column = head / GroupSize(shape) * dh;
  PrefixQuery query{};
  query.q = q.Rows(row, 1).Columns(head * dh, dh);
  query.k = options.prefix.k.Columns(column, dh);
  query.v = options.prefix.v.Columns(column, dh);
  query.scale = options.scale;
  query.dropout = DropoutOf(options.dropout, row / shape.tokens, head);
  query.position = row % shape.tokens;
  return query;
}

// Of row `row` and head `head` in [B, H, T].
int64_t LseIndex(const AttentionShape& shape, int64_t row, int64_t head) {
  return (row / shape.tokens * shape.heads + head) * shape.tokens +
         row % shape.tokens;
}

// Rows per piece of work.
constexpr int64_t kRows = 16;

// dq of all queries; the two arrays are [B T, H, padded P].
void QueryGradients(StreamView stream, const BackwardCall& call,
                    float* probabilities, float* ds) {
  const AttentionShape& shape = call.shape;
  const int64_t dh = shape.head_dim;
  const int64_t padded = Padded(call.options->prefix.k.rows);
  ParallelFor(stream, shape.batch * shape.tokens, kRows,
              [&](int64_t begin, int64_t end) {
                TileScratch scratch(PaddedHeadDim(shape));
                float* line = scratch.Take(PaddedHeadDim(shape));
                for (int64_t item = begin * shape.heads;
                     item < end * shape.heads; ++item) {
                  const int64_t row = item / shape.heads,
                                head = item % shape.heads;
                  PrefixQuery query =
                      QueryOf(shape, call.inputs.q, *call.options, row, head);
                  query.row = line;
                  query.probabilities = probabilities + item * padded;
                  const auto part = [&](auto m) {
                    return m.Rows(row, 1).Columns(head * dh, dh);
                  };
                  HWY_DYNAMIC_DISPATCH(Backward)
                  (query, {part(call.outputs.out), part(call.outputs.dout),
                           call.outputs.lse[LseIndex(shape, row, head)],
                           part(call.gradients.dq), ds + item * padded});
                }
              });
}

// A unit is one token of one kv head: its sums over all queries, sequence by
// sequence.
void KeyGradients(StreamView stream, const BackwardCall& call,
                  const float* probabilities, const float* ds) {
  const AttentionShape& shape = call.shape;
  const int64_t dh = shape.head_dim, group = GroupSize(shape) * dh;
  const int64_t tokens = call.options->prefix.k.rows, padded = Padded(tokens);
  ParallelFor(
      stream, shape.kv_heads * tokens, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> sums(static_cast<size_t>(2 * dh));
        for (int64_t unit = begin; unit < end; ++unit) {
          const int64_t kv_head = unit / tokens, token = unit % tokens;
          const auto add = [&](const float* sum, const MatrixView& m) {
            if (m.data == nullptr) return;
            float* to = m.Rows(token, 1).Columns(kv_head * dh, dh).as<float>();
            for (int64_t i = 0; i < dh; ++i) to[i] += sum[i];
          };
          for (int64_t b = 0; b < shape.batch; ++b) {
            const int64_t row = b * shape.tokens;
            const int64_t first =
                (row * shape.heads + kv_head * GroupSize(shape)) * padded +
                token;
            std::fill(sums.begin(), sums.end(), 0.0f);
            const auto queries = [&](const ConstMatrixView& m) {
              return m.Rows(row, shape.tokens).Columns(kv_head * group, group);
            };
            HWY_DYNAMIC_DISPATCH(SumKey)
            ({queries(call.inputs.q), queries(call.outputs.dout), dh,
              call.options->scale, ds + first, probabilities + first, padded,
              shape.heads * padded, sums.data(), sums.data() + dh});
            add(sums.data(), call.gradients.prefix_dk);
            add(sums.data() + dh, call.gradients.prefix_dv);
          }
        }
      });
}

}  // namespace

void MergePrefix(StreamView stream, const AttentionShape& shape,
                 ConstMatrixView q, MatrixView out, float* lse,
                 const AttentionOptions& options) {
  const int64_t dh = shape.head_dim;
  const int64_t padded = Padded(options.prefix.k.rows);
  ParallelFor(stream, q.rows, kRows, [&](int64_t begin, int64_t end) {
    TileScratch scratch(PaddedHeadDim(shape) + padded);
    float* line = scratch.Take(PaddedHeadDim(shape));
    float* probabilities = scratch.Take(padded);
    for (int64_t item = begin * shape.heads; item < end * shape.heads; ++item) {
      const int64_t row = item / shape.heads, head = item % shape.heads;
      PrefixQuery query = QueryOf(shape, q, options, row, head);
      query.row = line;
      query.probabilities = probabilities;
      HWY_DYNAMIC_DISPATCH(Merge)
      (query, out.Rows(row, 1).Columns(head * dh, dh),
       lse + LseIndex(shape, row, head));
    }
  });
}

void AddPrefixGradients(StreamView stream, const BackwardCall& call) {
  const AttentionShape& shape = call.shape;
  const size_t items =
      static_cast<size_t>(shape.batch * shape.tokens * shape.heads *
                          Padded(call.options->prefix.k.rows));
  std::vector<float> probabilities(items), ds(items);
  QueryGradients(stream, call, probabilities.data(), ds.data());
  KeyGradients(stream, call, probabilities.data(), ds.data());
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
