#ifndef PERDURE_RUNTIME_KERNELS_ATTENTION_BACKWARD_H_
#define PERDURE_RUNTIME_KERNELS_ATTENTION_BACKWARD_H_

// The steps on tiles that the backward pass of attention is made of
// (attention_backward_cpu.cc), for the loops over tiles
// (attention_backward_plan.cc).

#include <cstdint>

#include "runtime/kernels/attention.h"
#include "runtime/kernels/attention_tiles.h"

namespace perdure::kernels {

struct BackwardCall {
  AttentionShape shape;
  AttentionInputs inputs;
  AttentionOutputs outputs;
  AttentionGradients gradients;
  const AttentionOptions* options;
};

struct HeadTileId {
  int64_t sequence;
  int64_t head;  // a query head or a kv head
  int64_t tile;
};

// Packed tiles. width: PaddedHeadDim.
struct QueryPack {
  float* rows;          // [64, width] q * scale
  float* columns;       // [width, kTileStride] the same, transposed
  float* dout_rows;     // [64, width]
  float* dout_columns;  // [width, kTileStride]
  float* lse;           // [64]
  float* delta;         // [64]
};
struct KeyPack {
  float* rows;           // [64, width] k
  float* columns;        // [width, kTileStride] k, transposed
  float* value_columns;  // [width, kTileStride] v, transposed
};
struct PairScratch {
  float* p;   // [64 keys, kTileStride queries]
  float* ds;  // the same
};

// One tile of queries against one tile of keys.
struct PairTask {
  int64_t sequence;
  int64_t head;
  int64_t query_tile;
  int64_t key_tile;
  const TileVisibility* visibility;  // of the query tile
  const QueryPack* queries;
  const KeyPack* keys;
  float* dq;  // [64, width], added to, without the scale; nullptr: not wanted
  float* dk;  // [64, width], added to; dk and dv are wanted together
  float* dv;
};

// id.head: a query head.
void PackQueryTile(const BackwardCall& call, const HeadTileId& id,
                   const QueryPack& pack);
// id.head: a kv head.
void PackKeyTile(const BackwardCall& call, const HeadTileId& id,
                 const KeyPack& pack);
// Adds one pair of tiles to those of dq, dk, dv that are wanted.
void AddPairOfTiles(const BackwardCall& call, const PairTask& task,
                    const PairScratch& scratch);
// out [n <= 64, dh] = scale * sums [64, width]
void WriteGradientTile(const float* sums, int64_t width, float scale,
                       const MatrixView& out);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_BACKWARD_H_
