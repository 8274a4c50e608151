// Backward pass. The probabilities of a pair of tiles are computed again from
// the saved log-sum-exp; all tiles are transposed (keys by queries), as in the
// forward pass. With P the probabilities, D the dropout factors (0 or 1/(1-p)):
//   dV = (D P)^T dO        dP = D (dO V^T)
//   dS = P (dP - delta)    delta = rowsum(dO O)
//   dQ = scale dS K        dK = dS^T (scale Q)
// Each of dQ, dK, dV is summed over tiles in one order (heads of the group,
// then query tiles; key tiles ascending), whichever of the two plans below
// runs.
#include <algorithm>
#include <limits>

#include "glog/logging.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/attention_backward.h"
#include "runtime/kernels/attention_tiles.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/attention_backward_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/attention_pack-inl.h"
#include "runtime/kernels/exp-inl.h"
#include "runtime/kernels/tile_gemm-inl.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

// delta[i] = sum over the head of dout * out.
template <typename T>
void RowProducts(const ConstMatrixView& dout, const ConstMatrixView& out,
                 float* delta) {
  for (int64_t row = 0; row < out.rows; ++row) {
    const T* a = dout.as<T>() + row * dout.stride;
    const T* b = out.as<T>() + row * out.stride;
    Sum sum;
    ForEachPartial(
        out.cols, [&](int64_t part, int64_t i, int64_t left) HWY_ATTR {
          sum.AddProduct(part, LoadUpTo(a + i, left), LoadUpTo(b + i, left));
        });
    delta[row] = sum.Total();
  }
}

void PackQueries(const BackwardCall& call, const HeadTileId& id,
                 const QueryPack& pack) {
  const AttentionShape& shape = call.shape;
  const int64_t width = PaddedHeadDim(shape);
  const auto part = [&](const ConstMatrixView& m) {
    return HeadTile(m, shape, id.sequence, id.head, id.tile);
  };
  PackRows(part(call.inputs.q), call.options->scale, width, pack.rows);
  TransposeTile(pack.rows, width, pack.columns);
  PackRows(part(call.outputs.dout), 1.0f, width, pack.dout_rows);
  TransposeTile(pack.dout_rows, width, pack.dout_columns);
  // Padding gets no probability: exp(0 - max) = 0.
  std::fill_n(pack.lse, kTile, std::numeric_limits<float>::max());
  std::fill_n(pack.delta, kTile, 0.0f);
  const int64_t rows = RowsOfTile(shape, id.tile);
  std::copy_n(call.outputs.lse +
                  (id.sequence * shape.heads + id.head) * shape.tokens +
                  id.tile * kTile,
              rows, pack.lse);
  call.outputs.out.dtype == DType::kF32
      ? RowProducts<float>(part(call.outputs.dout), part(call.outputs.out),
                           pack.delta)
      : RowProducts<bf16>(part(call.outputs.dout), part(call.outputs.out),
                          pack.delta);
}

void PackKeys(const BackwardCall& call, const HeadTileId& id,
              const KeyPack& pack) {
  const int64_t width = PaddedHeadDim(call.shape);
  // The values are needed transposed only; pack.rows is free until the keys.
  PackRows(HeadTile(call.inputs.v, call.shape, id.sequence, id.head, id.tile),
           1.0f, width, pack.rows);
  TransposeTile(pack.rows, width, pack.value_columns);
  PackRows(HeadTile(call.inputs.k, call.shape, id.sequence, id.head, id.tile),
           1.0f, width, pack.rows);
  TransposeTile(pack.rows, width, pack.columns);
}

// For kLanes queries: scores -> D P, dP -> dS, in place.
HWY_INLINE void SoftmaxBackwardLanes(const PairTask& task, int64_t q,
                                     const HeadDropout& dropout,
                                     const PairScratch& s) {
  const bool diagonal = task.query_tile == task.key_tile;
  const bool masked = diagonal || !task.visibility->ShowsAllOf(task.key_tile);
  const LaneMask mask(*task.visibility, task.query_tile, q);
  const Vec lse = Load(task.queries->lse + q);
  const Vec delta = Load(task.queries->delta + q);
  const Vec zero = hn::Zero(F32());
  const int64_t first_key = task.key_tile * kTile;
  // On the diagonal no lane sees a key beyond its last query; rounded up to
  // the 4 keys that share a dropout counter.
  const int64_t keys =
      diagonal ? std::min((q + kLanes + 3) / 4 * 4, kTile) : kTile;
  KeepFactors keep;
  for (int64_t key = 0; key < keys; ++key) {
    float* p_at = s.p + key * kTileStride + q;
    float* ds_at = s.ds + key * kTileStride + q;
    Vec p = ExpBounded(hn::Sub(Load(p_at), lse));
    Vec dp = Load(ds_at);
    if (masked) {
      p = mask.Apply(first_key + key, p, zero);
      dp = mask.Apply(first_key + key, dp, zero);
    }
    Vec dropped = p;
    if (dropout.probability > 0) {
      if (key % 4 == 0) {
        keep = KeepFactorsOf(dropout, first_key + key,
                             task.query_tile * kTile + q);
      }
      dropped = hn::Mul(p, keep.of[key % 4]);
      dp = hn::Mul(dp, keep.of[key % 4]);
    }
    Store(dropped, p_at);
    Store(hn::Mul(p, hn::Sub(dp, delta)), ds_at);
  }
  for (int64_t key = keys; key < kTile; ++key) {
    Store(zero, s.p + key * kTileStride + q);
    Store(zero, s.ds + key * kTileStride + q);
  }
}

// Adds one pair of tiles to those of dq, dk, dv that are wanted.
void BackwardPair(const BackwardCall& call, const PairTask& task,
                  const PairScratch& s) {
  const int64_t width = PaddedHeadDim(call.shape);
  const int64_t depth = call.shape.head_dim;
  const bool diagonal = task.query_tile == task.key_tile;
  const QueryPack& queries = *task.queries;
  const KeyPack& keys = *task.keys;
  MultiplyTile<DepthMajor, Triangle::kRowsToColumn>(
      {keys.columns, queries.columns, kTileStride, s.p, kTileStride}, kTile,
      depth, diagonal, /*accumulate=*/false);
  MultiplyTile<DepthMajor, Triangle::kRowsToColumn>(
      {keys.value_columns, queries.dout_columns, kTileStride, s.ds,
       kTileStride},
      kTile, depth, diagonal, /*accumulate=*/false);
  const HeadDropout dropout =
      DropoutOf(call.options->dropout, task.sequence, task.head);
  for (int64_t q = 0; q < kTile; q += kLanes) {
    SoftmaxBackwardLanes(task, q, dropout, s);
  }
  if (task.dv != nullptr) {
    MultiplyTile<RowMajor, Triangle::kDepthFromRow>(
        {s.p, queries.dout_rows, width, task.dv, width}, width, kTile, diagonal,
        /*accumulate=*/true);
    MultiplyTile<RowMajor, Triangle::kDepthFromRow>(
        {s.ds, queries.rows, width, task.dk, width}, width, kTile, diagonal,
        /*accumulate=*/true);
  }
  if (task.dq != nullptr) {
    MultiplyTile<DepthMajor, Triangle::kDepthToRow>(
        {s.ds, keys.rows, width, task.dq, width}, width, kTile, diagonal,
        /*accumulate=*/true);
  }
}

template <typename T>
void WriteTypedTile(const float* sums, int64_t width, float scale,
                    const MatrixView& out) {
  const Vec factor = Broadcast(scale);
  for (int64_t row = 0; row < out.rows; ++row) {
    T* to = out.as<T>() + row * out.stride;
    ForEachVector(out.cols, [&](int64_t i, int64_t left) HWY_ATTR {
      StoreUpTo(hn::Mul(Load(sums + row * width + i), factor), to + i, left);
    });
  }
}

// out [n <= 64, dh] = scale * sums [64, width]
void WriteTile(const float* sums, int64_t width, float scale,
               const MatrixView& out) {
  out.dtype == DType::kF32 ? WriteTypedTile<float>(sums, width, scale, out)
                           : WriteTypedTile<bf16>(sums, width, scale, out);
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(PackQueries);
HWY_EXPORT(PackKeys);
HWY_EXPORT(BackwardPair);
HWY_EXPORT(WriteTile);

}  // namespace

void PackQueryTile(const BackwardCall& call, const HeadTileId& id,
                   const QueryPack& pack) {
  HWY_DYNAMIC_DISPATCH(PackQueries)(call, id, pack);
}
void PackKeyTile(const BackwardCall& call, const HeadTileId& id,
                 const KeyPack& pack) {
  HWY_DYNAMIC_DISPATCH(PackKeys)(call, id, pack);
}
void AddPairOfTiles(const BackwardCall& call, const PairTask& task,
                    const PairScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(BackwardPair)(call, task, scratch);
}
void WriteGradientTile(const float* sums, int64_t width, float scale,
                       const MatrixView& out) {
  HWY_DYNAMIC_DISPATCH(WriteTile)(sums, width, scale, out);
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
