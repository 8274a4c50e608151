// Forward pass. For every tile of 64 queries, key tiles from left to right:
// scores (transposed: keys by queries, so that a query is a lane and maxima and
// sums need no shuffles), running maximum and sum (Milakov & Gimelshein 2018),
// and products with the values.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "glog/logging.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/attention_prefix.h"
#include "runtime/kernels/attention_tiles.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/attention_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/attention_pack-inl.h"
#include "runtime/kernels/exp-inl.h"
#include "runtime/kernels/tile_gemm-inl.h"
#include "runtime/kernels/vector-inl.h"

// Seen once, by all instruction sets.
#ifndef PERDURE_RUNTIME_KERNELS_ATTENTION_CPU_TYPES_
#define PERDURE_RUNTIME_KERNELS_ATTENTION_CPU_TYPES_
namespace perdure::kernels {
namespace {

struct ForwardCall {
  AttentionShape shape;
  AttentionInputs inputs;
  MatrixView out;
  float* lse;
  const AttentionOptions* options;
  // Each (sequence, kv head) is cut into this many units of work, which share
  // its query tiles.
  int64_t parts;
};

// Working memory of a chunk of units.
struct ForwardScratch {
  float* keys;     // per key tile: [width, kTileStride], transposed
  float* values;   // per key tile: [64, width]
  float* rows;     // [64, width]: packed queries, then the output's sums
  float* queries;  // [width, kTileStride], transposed and scaled
  float* scores;   // [64 keys, kTileStride]
  float* max;      // [64]
  float* sum;      // [64]
  float* rescale;  // [64]

  explicit ForwardScratch(const AttentionShape& shape)
      : memory_(Floats(shape)) {
    const int64_t tiles = TileCount(shape), width = PaddedHeadDim(shape);
    keys = memory_.Take(tiles * width * kTileStride);
    values = memory_.Take(tiles * kTile * width);
    rows = memory_.Take(kTile * width);
    queries = memory_.Take(width * kTileStride);
    scores = memory_.Take(kTile * kTileStride);
    max = memory_.Take(kTile);
    sum = memory_.Take(kTile);
    rescale = memory_.Take(kTile);
  }

 private:
  static int64_t Floats(const AttentionShape& shape) {
    return PaddedHeadDim(shape) * (TileCount(shape) + 1) *
               (kTile + kTileStride) +
           kTile * kTileStride + 3 * kTile;
  }
  TileScratch memory_;
};

}  // namespace
}  // namespace perdure::kernels
#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_CPU_TYPES_

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

struct TilePair {
  int64_t query_tile;
  int64_t key_tile;
  const TileVisibility* visibility;

  bool diagonal() const { return query_tile == key_tile; }
  bool masked() const {
    return diagonal() || !visibility->ShowsAllOf(key_tile);
  }
};

// Scores of kLanes queries -> probabilities relative to the running maximum.
HWY_INLINE void SoftmaxLanes(const TilePair& pair, int64_t q,
                             const ForwardScratch& s) {
  // On the diagonal no lane sees a key beyond its last query.
  const int64_t keys = pair.diagonal() ? q + kLanes : kTile;
  float* column = s.scores + q;
  const Vec old_max = Load(s.max + q);
  Vec max = old_max;
  if (pair.masked()) {
    const LaneMask mask(*pair.visibility, pair.query_tile, q);
    const Vec hidden = Broadcast(-std::numeric_limits<float>::infinity());
    const int64_t first_key = pair.key_tile * kTile;
    for (int64_t key = 0; key < keys; ++key) {
      float* at = column + key * kTileStride;
      const Vec score = mask.Apply(first_key + key, Load(at), hidden);
      Store(score, at);
      max = hn::Max(max, score);
    }
  } else {
    for (int64_t key = 0; key < keys; ++key) {
      max = hn::Max(max, Load(column + key * kTileStride));
    }
  }
  Vec sum = hn::Zero(F32());
  for (int64_t key = 0; key < keys; ++key) {
    float* at = column + key * kTileStride;
    const Vec p = ExpBounded(hn::Sub(Load(at), max));
    Store(p, at);
    sum = hn::Add(sum, p);
  }
  for (int64_t key = keys; key < kTile; ++key) {
    Store(hn::Zero(F32()), column + key * kTileStride);
  }
  const Vec rescale = ExpBounded(hn::Sub(old_max, max));
  Store(max, s.max + q);
  Store(rescale, s.rescale + q);
  Store(hn::MulAdd(Load(s.sum + q), rescale, sum), s.sum + q);
}

void DropProbabilities(const HeadDropout& dropout, const TilePair& pair,
                       float* scores) {
  for (int64_t q = 0; q < kTile; q += kLanes) {
    for (int64_t key = 0; key < kTile; key += 4) {
      const KeepFactors keep = KeepFactorsOf(
          dropout, pair.key_tile * kTile + key, pair.query_tile * kTile + q);
      for (int64_t i = 0; i < 4; ++i) {
        float* at = scores + (key + i) * kTileStride + q;
        Store(hn::Mul(Load(at), keep.of[i]), at);
      }
    }
  }
}

// rows [64, width] *= rescale [64]
void RescaleRows(const float* rescale, int64_t width, float* rows) {
  for (int64_t row = 0; row < kTile; ++row) {
    const Vec factor = Broadcast(rescale[row]);
    float* at = rows + row * width;
    for (int64_t i = 0; i < width; i += kLanes) {
      Store(hn::Mul(Load(at + i), factor), at + i);
    }
  }
}

template <typename T>
void WriteRows(const ForwardScratch& s, int64_t width, const MatrixView& out) {
  for (int64_t row = 0; row < out.rows; ++row) {
    const Vec inverse = Broadcast(1.0f / s.sum[row]);
    const float* sums = s.rows + row * width;
    T* to = out.as<T>() + row * out.stride;
    ForEachVector(out.cols, [&](int64_t i, int64_t left) HWY_ATTR {
      StoreUpTo(hn::Mul(Load(sums + i), inverse), to + i, left);
    });
  }
}

// One tile of queries of one head, against the packed keys and values.
void ForwardTile(const ForwardCall& call, int64_t sequence, int64_t head,
                 int64_t tile, const ForwardScratch& s) {
  const AttentionShape& shape = call.shape;
  const int64_t width = PaddedHeadDim(shape);
  PackRows(HeadTile(call.inputs.q, shape, sequence, head, tile),
           call.options->scale, width, s.rows);
  TransposeTile(s.rows, width, s.queries);
  const TileVisibility visibility =
      VisibilityOf(shape, call.options->first_visible, sequence, tile);
  const HeadDropout dropout = DropoutOf(call.options->dropout, sequence, head);
  // Finite: a tile that a query does not see at all leaves its maximum here.
  std::fill_n(s.max, kTile, std::numeric_limits<float>::lowest());
  std::fill_n(s.sum, kTile, 0.0f);
  bool first = true;
  for (int64_t key_tile = 0; key_tile <= tile; ++key_tile) {
    if (visibility.Hides(key_tile)) continue;
    const TilePair pair{tile, key_tile, &visibility};
    MultiplyTile<DepthMajor, Triangle::kRowsToColumn>(
        {s.keys + key_tile * width * kTileStride, s.queries, kTileStride,
         s.scores, kTileStride},
        kTile, shape.head_dim, pair.diagonal(), /*accumulate=*/false);
    for (int64_t q = 0; q < kTile; q += kLanes) SoftmaxLanes(pair, q, s);
    if (dropout.probability > 0) DropProbabilities(dropout, pair, s.scores);
    if (!first) RescaleRows(s.rescale, width, s.rows);
    MultiplyTile<DepthMajor, Triangle::kDepthToRow>(
        {s.scores, s.values + key_tile * kTile * width, width, s.rows, width},
        width, kTile, pair.diagonal(), /*accumulate=*/!first);
    first = false;
  }
  const MatrixView out = HeadTile(call.out, shape, sequence, head, tile);
  out.dtype == DType::kF32 ? WriteRows<float>(s, width, out)
                           : WriteRows<bf16>(s, width, out);
  if (call.lse == nullptr) return;
  float* lse =
      call.lse + (sequence * shape.heads + head) * shape.tokens + tile * kTile;
  for (int64_t i = 0; i < out.rows; ++i) {
    lse[i] = s.max[i] + std::log(s.sum[i]);
  }
}

// Query tiles are dealt to the parts back and forth (0 1 2 2 1 0 0 1 ...): late
// tiles see more keys and cost more.
bool PartOwnsTile(int64_t part, int64_t parts, int64_t tile) {
  const int64_t turn = tile % (2 * parts);
  return (turn < parts ? turn : 2 * parts - 1 - turn) == part;
}

void ForwardUnit(const ForwardCall& call, int64_t unit,
                 const ForwardScratch& s) {
  const AttentionShape& shape = call.shape;
  const int64_t part = unit % call.parts;
  const int64_t kv_head = unit / call.parts % shape.kv_heads;
  const int64_t sequence = unit / call.parts / shape.kv_heads;
  const int64_t tiles = TileCount(shape), width = PaddedHeadDim(shape);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    PackRows(HeadTile(call.inputs.k, shape, sequence, kv_head, tile), 1.0f,
             width, s.rows);
    TransposeTile(s.rows, width, s.keys + tile * width * kTileStride);
    PackRows(HeadTile(call.inputs.v, shape, sequence, kv_head, tile), 1.0f,
             width, s.values + tile * kTile * width);
  }
  for (int64_t i = 0; i < GroupSize(shape); ++i) {
    const int64_t head = kv_head * GroupSize(shape) + i;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      if (!PartOwnsTile(part, call.parts, tile)) continue;
      ForwardTile(call, sequence, head, tile, s);
    }
  }
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(ForwardUnit);

// More parts than one only where whole heads would not keep the threads busy.
int64_t PartsOf(const AttentionShape& shape, int threads) {
  const int64_t heads = shape.batch * shape.kv_heads;
  if (threads <= 1 || heads % threads == 0) return 1;
  return std::clamp<int64_t>((4 * threads + heads - 1) / heads, 1,
                             TileCount(shape));
}

}  // namespace

void AttentionForward(StreamView stream, const AttentionShape& shape,
                      const AttentionInputs& inputs, MatrixView out, float* lse,
                      const AttentionOptions& options) {
  const ConstMatrixView& q = inputs.q;
  CheckAttention(shape, inputs, options);
  CHECK(out.rows == q.rows && out.cols == q.cols);
  CHECK(out.dtype == DType::kF32 || out.dtype == DType::kBF16);
  if (q.size() == 0) return;
  const bool has_prefix = options.prefix.k.rows > 0;
  std::vector<float> own_lse;
  if (has_prefix && lse == nullptr) {
    own_lse.resize(static_cast<size_t>(q.rows * shape.heads));
    lse = own_lse.data();
  }
  const ForwardCall call{shape, inputs,   out,
                         lse,   &options, PartsOf(shape, stream.threads)};
  const int64_t units = shape.batch * shape.kv_heads * call.parts;
  // Units are independent: their cut into chunks does not show in the bits.
  ParallelFor(stream, units, std::max<int64_t>(1, units / stream.threads),
              [&](int64_t begin, int64_t end) {
                const ForwardScratch scratch(shape);
                for (int64_t unit = begin; unit < end; ++unit) {
                  HWY_DYNAMIC_DISPATCH(ForwardUnit)(call, unit, scratch);
                }
              });
  if (has_prefix) MergePrefix(stream, shape, q, out, lse, options);
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
