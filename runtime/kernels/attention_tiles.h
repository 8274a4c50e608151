#ifndef PERDURE_RUNTIME_KERNELS_ATTENTION_TILES_H_
#define PERDURE_RUNTIME_KERNELS_ATTENTION_TILES_H_

// How attention is cut: tiles of 64 queries by 64 keys, the same for every
// instruction set and thread count, so that every sum has one order.

#include <cstdint>

#include "hwy/aligned_allocator.h"
#include "runtime/kernels/attention.h"

namespace perdure::kernels {

constexpr int64_t kTile = 64;
// Elements from a row of a 64-wide tile to the next: 5 cache lines rather than
// 4, so that walking down a column meets every set of the L1 cache.
constexpr int64_t kTileStride = kTile + 16;

inline int64_t TileCount(const AttentionShape& shape) {
  return (shape.tokens + kTile - 1) / kTile;
}
// Packed rows are padded with zeros to whole 64-byte lines.
inline int64_t PaddedHeadDim(const AttentionShape& shape) {
  return (shape.head_dim + 15) / 16 * 16;
}
inline int64_t GroupSize(const AttentionShape& shape) {
  return shape.heads / shape.kv_heads;
}
inline int64_t RowsOfTile(const AttentionShape& shape, int64_t tile) {
  const int64_t left = shape.tokens - tile * kTile;
  return left < kTile ? left : kTile;
}

// [RowsOfTile, dh]: one head's rows of one tile of one sequence.
template <typename View>
View HeadTile(const View& m, const AttentionShape& shape, int64_t sequence,
              int64_t head, int64_t tile) {
  return m.Rows(sequence * shape.tokens + tile * kTile, RowsOfTile(shape, tile))
      .Columns(head * shape.head_dim, shape.head_dim);
}

// From where the 64 queries of a tile see keys.
struct TileVisibility {
  int32_t first[kTile];  // positions within the sequence
  int32_t lowest;        // of first
  int32_t highest;

  // No query of the tile sees a key of this key tile.
  bool Hides(int64_t key_tile) const {
    return (key_tile + 1) * kTile <= lowest;
  }
  // All queries see all keys of this (earlier) key tile.
  bool ShowsAllOf(int64_t key_tile) const {
    return highest <= key_tile * kTile;
  }
};
TileVisibility VisibilityOf(const AttentionShape& shape,
                            const int32_t* first_visible, int64_t sequence,
                            int64_t tile);

// Dropout of one head of one sequence; see AttentionDropout.
struct HeadDropout {
  float probability;
  float keep_scale;  // 1 / (1 - probability)
  PhiloxKey key;
  uint32_t word2;  // of the counter
  uint32_t word3;
};
HeadDropout DropoutOf(const AttentionDropout& dropout, int64_t sequence,
                      int64_t head);

// A chunk's working memory, handed out in 64-byte aligned pieces.
class TileScratch {
 public:
  explicit TileScratch(int64_t floats);
  float* Take(int64_t floats);

 private:
  hwy::AlignedFreeUniquePtr<float[]> memory_;
  int64_t size_;
  int64_t used_ = 0;
};

// Dies unless the views have the shapes and dtypes that attention.h asks for.
void CheckAttention(const AttentionShape& shape, const AttentionInputs& inputs,
                    const AttentionOptions& options);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_TILES_H_
