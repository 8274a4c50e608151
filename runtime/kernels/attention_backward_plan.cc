// Which pairs of tiles are computed where. Two plans with the same bits:
//  whole heads  A unit is one (sequence, kv head): every pair is computed once
//               and adds to dQ, dK and dV. 5 products a pair.
//  split heads  First a unit is one key tile (dK, dV), then one query tile
//  (dQ);
//               scores are computed twice. 7 products a pair, but enough units
//               for many threads.
#include <algorithm>
#include <vector>

#include "glog/logging.h"
#include "runtime/kernels/attention_backward.h"
#include "runtime/kernels/attention_prefix.h"

namespace perdure::kernels {
namespace {

int64_t QueryPackFloats(int64_t width) {
  return 2 * width * (kTile + kTileStride) + 2 * kTile;
}
int64_t KeyPackFloats(int64_t width) {
  return width * (kTile + 2 * kTileStride);
}

QueryPack TakeQueryPack(TileScratch& scratch, int64_t width) {
  QueryPack pack;
  pack.rows = scratch.Take(kTile * width);
  pack.columns = scratch.Take(width * kTileStride);
  pack.dout_rows = scratch.Take(kTile * width);
  pack.dout_columns = scratch.Take(width * kTileStride);
  pack.lse = scratch.Take(kTile);
  pack.delta = scratch.Take(kTile);
  return pack;
}

KeyPack TakeKeyPack(TileScratch& scratch, int64_t width) {
  KeyPack pack;
  pack.rows = scratch.Take(kTile * width);
  pack.columns = scratch.Take(width * kTileStride);
  pack.value_columns = scratch.Take(width * kTileStride);
  return pack;
}

// Working memory of a chunk: one tile of queries with its gradient, and
// `key_tiles` tiles of keys with theirs.
class Workspace {
 public:
  Workspace(const AttentionShape& shape, int64_t key_tiles)
      : width_(PaddedHeadDim(shape)),
        tile_floats_(kTile * width_),
        key_tiles_(key_tiles),
        scratch_(QueryPackFloats(width_) + key_tiles * KeyPackFloats(width_) +
                 (1 + 2 * key_tiles) * tile_floats_ + 2 * kTile * kTileStride) {
    queries = TakeQueryPack(scratch_, width_);
    for (int64_t i = 0; i < key_tiles; ++i) {
      keys.push_back(TakeKeyPack(scratch_, width_));
    }
    dq = scratch_.Take(tile_floats_);
    dk_ = scratch_.Take(key_tiles * tile_floats_);
    dv_ = scratch_.Take(key_tiles * tile_floats_);
    pair = {scratch_.Take(kTile * kTileStride),
            scratch_.Take(kTile * kTileStride)};
  }

  float* dk(int64_t tile) { return dk_ + tile * tile_floats_; }
  float* dv(int64_t tile) { return dv_ + tile * tile_floats_; }
  void ClearQueryGradient() { std::fill_n(dq, tile_floats_, 0.0f); }
  void ClearKeyGradients() {
    std::fill_n(dk_, key_tiles_ * tile_floats_, 0.0f);
    std::fill_n(dv_, key_tiles_ * tile_floats_, 0.0f);
  }
  int64_t width() const { return width_; }

  QueryPack queries;
  std::vector<KeyPack> keys;
  float* dq;
  PairScratch pair;

 private:
  int64_t width_;
  int64_t tile_floats_;
  int64_t key_tiles_;
  TileScratch scratch_;
  float* dk_;
  float* dv_;
};

class Plan {
 public:
  explicit Plan(const BackwardCall& call)
      : call_(call),
        shape_(call.shape),
        tiles_(TileCount(call.shape)),
        group_(GroupSize(call.shape)) {}

  // unit: (sequence, kv head).
  void WholeHead(int64_t unit, Workspace& work) const {
    const int64_t sequence = unit / shape_.kv_heads;
    const int64_t kv_head = unit % shape_.kv_heads;
    for (int64_t j = 0; j < tiles_; ++j) {
      PackKeyTile(call_, {sequence, kv_head, j}, work.keys[j]);
    }
    work.ClearKeyGradients();
    for (int64_t head = kv_head * group_; head < (kv_head + 1) * group_;
         ++head) {
      for (int64_t i = 0; i < tiles_; ++i) {
        PackQueryTile(call_, {sequence, head, i}, work.queries);
        work.ClearQueryGradient();
        const TileVisibility visibility = Visibility(sequence, i);
        for (int64_t j = 0; j <= i; ++j) {
          Pair({sequence, head, i, j, &visibility, &work.queries, &work.keys[j],
                work.dq, work.dk(j), work.dv(j)},
               work);
        }
        WriteQueries({sequence, head, i}, work.dq, work);
      }
    }
    for (int64_t j = 0; j < tiles_; ++j) {
      WriteKeys({sequence, kv_head, j}, work.dk(j), work.dv(j), work);
    }
  }

  // unit: (key tile, sequence, kv head); work has one tile of keys.
  void KeyTile(int64_t unit, Workspace& work) const {
    // The first key tiles meet the most queries; spread them over the threads.
    const int64_t heads = shape_.batch * shape_.kv_heads;
    const int64_t j = unit / heads;
    const int64_t sequence = unit % heads / shape_.kv_heads;
    const int64_t kv_head = unit % shape_.kv_heads;
    PackKeyTile(call_, {sequence, kv_head, j}, work.keys[0]);
    work.ClearKeyGradients();
    for (int64_t head = kv_head * group_; head < (kv_head + 1) * group_;
         ++head) {
      for (int64_t i = j; i < tiles_; ++i) {
        const TileVisibility visibility = Visibility(sequence, i);
        if (visibility.Hides(j)) continue;
        PackQueryTile(call_, {sequence, head, i}, work.queries);
        Pair({sequence, head, i, j, &visibility, &work.queries, &work.keys[0],
              /*dq=*/nullptr, work.dk(0), work.dv(0)},
             work);
      }
    }
    WriteKeys({sequence, kv_head, j}, work.dk(0), work.dv(0), work);
  }

  // unit: (sequence, head, query tile).
  void QueryTile(int64_t unit, Workspace& work) const {
    const int64_t i = unit % tiles_;
    const int64_t head = unit / tiles_ % shape_.heads;
    const int64_t sequence = unit / tiles_ / shape_.heads;
    const TileVisibility visibility = Visibility(sequence, i);
    PackQueryTile(call_, {sequence, head, i}, work.queries);
    work.ClearQueryGradient();
    for (int64_t j = 0; j <= i; ++j) {
      if (visibility.Hides(j)) continue;
      PackKeyTile(call_, {sequence, head / group_, j}, work.keys[0]);
      Pair({sequence, head, i, j, &visibility, &work.queries, &work.keys[0],
            work.dq, /*dk=*/nullptr, /*dv=*/nullptr},
           work);
    }
    WriteQueries({sequence, head, i}, work.dq, work);
  }

 private:
  TileVisibility Visibility(int64_t sequence, int64_t tile) const {
    return VisibilityOf(shape_, call_.options->first_visible, sequence, tile);
  }
  void Pair(const PairTask& task, const Workspace& work) const {
    if (task.visibility->Hides(task.key_tile)) return;
    AddPairOfTiles(call_, task, work.pair);
  }
  void WriteQueries(const HeadTileId& id, const float* dq,
                    const Workspace& work) const {
    WriteGradientTile(
        dq, work.width(), call_.options->scale,
        HeadTile(call_.gradients.dq, shape_, id.sequence, id.head, id.tile));
  }
  void WriteKeys(const HeadTileId& id, const float* dk, const float* dv,
                 const Workspace& work) const {
    WriteGradientTile(
        dk, work.width(), 1.0f,
        HeadTile(call_.gradients.dk, shape_, id.sequence, id.head, id.tile));
    WriteGradientTile(
        dv, work.width(), 1.0f,
        HeadTile(call_.gradients.dv, shape_, id.sequence, id.head, id.tile));
  }

  const BackwardCall& call_;
  const AttentionShape& shape_;
  int64_t tiles_;
  int64_t group_;
};

void CheckGradients(const BackwardCall& call) {
  CheckAttention(call.shape, call.inputs, *call.options);
  const AttentionInputs& in = call.inputs;
  const AttentionOutputs& outputs = call.outputs;
  const AttentionGradients& gradients = call.gradients;
  const auto same_size = [](const ConstMatrixView& a,
                            const ConstMatrixView& b) {
    return a.rows == b.rows && a.cols == b.cols;
  };
  CHECK(same_size(outputs.out, in.q) && same_size(outputs.dout, in.q));
  CHECK(outputs.out.dtype == outputs.dout.dtype);
  CHECK(outputs.lse != nullptr);
  CHECK(same_size(gradients.dq, in.q) && same_size(gradients.dk, in.k) &&
        same_size(gradients.dv, in.v));
  const AttentionPrefix& prefix = call.options->prefix;
  if (prefix.k.rows == 0) return;
  for (const MatrixView* m : {&gradients.prefix_dk, &gradients.prefix_dv}) {
    CHECK(m->data == nullptr ||
          (same_size(*m, prefix.k) && m->dtype == DType::kF32));
  }
}

// True where whole heads would leave a quarter or more of the threads idle:
// split heads cost 7 products instead of 5.
bool SplitHeads(int64_t heads, int threads) {
  const int64_t rounds = (heads + threads - 1) / threads;
  return heads * 10 < rounds * threads * 7;
}

}  // namespace

void AttentionBackward(StreamView stream, const AttentionShape& shape,
                       const AttentionInputs& inputs,
                       const AttentionOutputs& outputs,
                       const AttentionGradients& gradients,
                       const AttentionOptions& options) {
  const BackwardCall call{shape, inputs, outputs, gradients, &options};
  CheckGradients(call);
  if (inputs.q.size() == 0) return;
  const Plan plan(call);
  const int64_t tiles = TileCount(shape);
  const int64_t heads = shape.batch * shape.kv_heads;
  const auto run = [&](int64_t units, int64_t key_tiles, auto method) {
    const int64_t grain = std::max<int64_t>(1, units / (4 * stream.threads));
    ParallelFor(stream, units, grain, [&](int64_t begin, int64_t end) {
      Workspace work(shape, key_tiles);
      for (int64_t unit = begin; unit < end; ++unit) {
        (plan.*method)(unit, work);
      }
    });
  };
  if (tiles > 1 && SplitHeads(heads, stream.threads)) {
    run(heads * tiles, 1, &Plan::KeyTile);
    run(shape.batch * shape.heads * tiles, 1, &Plan::QueryTile);
  } else {
    run(heads, tiles, &Plan::WholeHead);
  }
  if (options.prefix.k.rows > 0) AddPrefixGradients(stream, call);
}

}  // namespace perdure::kernels
