// One query a head against a cache: a pass over the keys, a softmax, a pass
// over the values. Bound by memory, so keys are read where they lie.
#include <algorithm>
#include <cmath>
#include <limits>

#include "glog/logging.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/attention_tiles.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/attention_decode_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/exp-inl.h"
#include "runtime/kernels/vector-inl.h"

// Seen once, by all instruction sets.
#ifndef PERDURE_RUNTIME_KERNELS_ATTENTION_DECODE_CPU_TYPES_
#define PERDURE_RUNTIME_KERNELS_ATTENTION_DECODE_CPU_TYPES_
namespace perdure::kernels {
namespace {

// One query head of one sequence.
struct DecodeHead {
  ConstMatrixView q;     // [1, dh]
  ConstMatrixView keys;  // [length, dh]
  ConstMatrixView values;
  float scale;
  MatrixView out;  // [1, dh]
  // Scratch.
  float* scores;  // [length]
  float* query;   // [PaddedHeadDim] q * scale
  float* sums;    // [PaddedHeadDim]
};

}  // namespace
}  // namespace perdure::kernels
#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_DECODE_CPU_TYPES_

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

// a: padded with zeros to a multiple of 16.
template <typename T>
HWY_INLINE float DotRows(const float* a, const T* b, int64_t n) {
  Sum sum;
  ForEachPartial(n, [&](int64_t part, int64_t i, int64_t left) HWY_ATTR {
    sum.AddProduct(part, Load(a + i), LoadUpTo(b + i, left));
  });
  return sum.Total();
}

// scores [n] -> exp(scores - max); returns their sum.
float SoftmaxInPlace(float* scores, int64_t n) {
  const Vec max = Broadcast(*std::max_element(scores, scores + n));
  Sum sum;
  ForEachPartial(n, [&](int64_t part, int64_t i, int64_t left) HWY_ATTR {
    const Vec p =
        KeepFirst(ExpBounded(hn::Sub(LoadUpTo(scores + i, left), max)), left);
    sum.Add(part, p);
    StoreUpTo(p, scores + i, left);
  });
  return sum.Total();
}

// sums += p[0 .. n) times the rows of values.
template <typename T>
void AddRows(const float* p, const T* values, int64_t stride, int64_t n,
             const DecodeHead& head) {
  ForEachVector(head.out.cols, [&](int64_t i, int64_t left) HWY_ATTR {
    Vec sum = Load(head.sums + i);
    for (int64_t row = 0; row < n; ++row) {
      const Vec v = LoadUpTo(values + row * stride + i, left);
      sum = hn::MulAdd(Broadcast(p[row]), v, sum);
    }
    Store(sum, head.sums + i);
  });
}

template <typename T>
void DecodeTyped(const DecodeHead& head) {
  const int64_t n = head.keys.rows, width = head.out.cols;
  const int64_t padded = (width + 15) / 16 * 16;
  const Vec scale = Broadcast(head.scale);
  ForEachVector(padded, [&](int64_t i, int64_t) HWY_ATTR {
    const Vec q = LoadUpTo(head.q.as<T>() + i, width - i);
    Store(hn::Mul(q, scale), head.query + i);
    Store(hn::Zero(F32()), head.sums + i);
  });
  for (int64_t row = 0; row < n; ++row) {
    const T* key = head.keys.as<T>() + row * head.keys.stride;
    head.scores[row] = DotRows(head.query, key, width);
  }
  const float total = SoftmaxInPlace(head.scores, n);
  // A few rows at a time: they stay in the L1 cache, the sums in registers.
  constexpr int64_t kRows = 16;
  const T* values = head.values.as<T>();
  for (int64_t row = 0; row < n; row += kRows) {
    AddRows(head.scores + row, values + row * head.values.stride,
            head.values.stride, std::min(kRows, n - row), head);
  }
  const Vec inverse = Broadcast(1.0f / total);
  T* out = head.out.as<T>();
  ForEachVector(width, [&](int64_t i, int64_t left) HWY_ATTR {
    StoreUpTo(hn::Mul(Load(head.sums + i), inverse), out + i, left);
  });
}

void Decode(const DecodeHead& head) {
  head.q.dtype == DType::kF32 ? DecodeTyped<float>(head)
                              : DecodeTyped<bf16>(head);
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(Decode);

}  // namespace

void AttentionDecode(StreamView stream, const AttentionShape& shape,
                     ConstMatrixView q, const AttentionCache& cache,
                     float scale, MatrixView out) {
  const ConstMatrixView &k = cache.k, &v = cache.v;
  const int32_t* lengths = cache.lengths;
  CHECK(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0);
  CHECK(q.rows == shape.batch && q.cols == shape.heads * shape.head_dim);
  CHECK(k.rows >= shape.batch * cache.capacity && v.rows == k.rows);
  CHECK(q.dtype == k.dtype && q.dtype == v.dtype && q.dtype == out.dtype);
  const int64_t dh = shape.head_dim, group = GroupSize(shape);
  const int64_t longest =
      shape.batch == 0 ? 0 : *std::max_element(lengths, lengths + shape.batch);
  CHECK_LE(longest, cache.capacity);
  const int64_t padded = (longest + 15) / 16 * 16;
  ParallelFor(
      stream, shape.batch * shape.heads, 1, [&](int64_t begin, int64_t end) {
        TileScratch scratch(padded + 2 * PaddedHeadDim(shape));
        float* scores = scratch.Take(padded);
        float* query = scratch.Take(PaddedHeadDim(shape));
        float* sums = scratch.Take(PaddedHeadDim(shape));
        for (int64_t unit = begin; unit < end; ++unit) {
          const int64_t b = unit / shape.heads, h = unit % shape.heads;
          CHECK_GT(lengths[b], 0) << "sequence " << b << " has no token";
          const auto cached = [&](const ConstMatrixView& m) {
            return m.Rows(b * cache.capacity, lengths[b])
                .Columns(h / group * dh, dh);
          };
          HWY_DYNAMIC_DISPATCH(Decode)
          ({q.Rows(b, 1).Columns(h * dh, dh), cached(k), cached(v), scale,
            out.Rows(b, 1).Columns(h * dh, dh), scores, query, sums});
        }
      });
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
