// Products of packed fp32 tiles: the inner loops of attention. One product
// keeps a block of C in registers, and per step of depth loads one row of B and
// multiplies it by broadcast elements of A. Every element of C is one fma chain
// over ascending depth, so neither the blocks nor the vector length show in the
// bits.
#if defined(PERDURE_RUNTIME_KERNELS_TILE_GEMM_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef PERDURE_RUNTIME_KERNELS_TILE_GEMM_INL_H_
#undef PERDURE_RUNTIME_KERNELS_TILE_GEMM_INL_H_
#else
#define PERDURE_RUNTIME_KERNELS_TILE_GEMM_INL_H_
#endif

#include <algorithm>

#include "hwy/highway.h"
#include "runtime/kernels/attention_tiles.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {

// How A lies in its tile: element (row, depth) at
// row * kRowStep + depth * kDepthStep.
struct DepthMajor {
  static constexpr int64_t kRowStep = 1, kDepthStep = kTileStride;
};
struct RowMajor {
  static constexpr int64_t kRowStep = kTileStride, kDepthStep = 1;
};

// Which part of the product a tile on the diagonal needs. Keys after a query
// are masked: their probabilities are 0.
enum class Triangle {
  kNone,          // all
  kRowsToColumn,  // C[i, j] for i <= j: scores, keys by queries
  kDepthToRow,    // A[i, k] is 0 for k > i: queries by keys
  kDepthFromRow,  // A[i, k] is 0 for k < i: keys by queries
};

struct Product {
  const float* a;
  const float* b;  // [depth, cols], rows b_stride apart
  int64_t b_stride;
  float* c;  // [kTile, cols], rows c_stride apart; 64 rows even if fewer count
  int64_t c_stride;
};

// 8 x 2 zmm or 4 x 2 ymm accumulators: enough to hide the latency of two fma
// units, and a divisor of 64.
constexpr int64_t kBlockRows = kLanes == 16 ? 8 : 4;

// C [kBlockRows, kVecs * kLanes] = (accumulate ? C : 0) + A B
template <typename A, int kVecs>
void MultiplyBlock(const Product& p, int64_t depth, bool accumulate) {
  Vec c[kBlockRows][kVecs];
#pragma GCC unroll 8
  for (int64_t r = 0; r < kBlockRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kVecs; ++v) {
      c[r][v] = accumulate ? Load(p.c + r * p.c_stride + v * kLanes)
                           : hn::Zero(F32());
    }
  }
  const float* a = p.a;
  const float* b = p.b;
  for (int64_t k = 0; k < depth; ++k) {
    Vec row[kVecs];
#pragma GCC unroll 3
    for (int v = 0; v < kVecs; ++v) row[v] = Load(b + v * kLanes);
#pragma GCC unroll 8
    for (int64_t r = 0; r < kBlockRows; ++r) {
      const Vec x = Broadcast(a[r * A::kRowStep]);
#pragma GCC unroll 3
      for (int v = 0; v < kVecs; ++v) c[r][v] = hn::MulAdd(x, row[v], c[r][v]);
    }
    a += A::kDepthStep;
    b += p.b_stride;
  }
#pragma GCC unroll 8
  for (int64_t r = 0; r < kBlockRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kVecs; ++v) {
      Store(c[r][v], p.c + r * p.c_stride + v * kLanes);
    }
  }
}

// One strip of kVecs * kLanes columns that ends at column col_end.
template <typename A, Triangle kTriangle, int kVecs>
HWY_INLINE void MultiplyStrip(const Product& p, int64_t col_end, int64_t rows,
                              int64_t depth, bool accumulate) {
  if (kTriangle == Triangle::kRowsToColumn) rows = std::min(rows, col_end);
  for (int64_t r = 0; r < rows; r += kBlockRows) {
    const int64_t from = kTriangle == Triangle::kDepthFromRow ? r : 0;
    const int64_t to = kTriangle == Triangle::kDepthToRow
                           ? std::min(depth, r + kBlockRows)
                           : depth;
    MultiplyBlock<A, kVecs>(
        {p.a + r * A::kRowStep + from * A::kDepthStep, p.b + from * p.b_stride,
         p.b_stride, p.c + r * p.c_stride, p.c_stride},
        std::max<int64_t>(to - from, 0), accumulate);
  }
}

// cols is a multiple of 16; rows count up to the next multiple of kBlockRows.
template <typename A, Triangle kTriangle>
void Multiply(const Product& p, int64_t rows, int64_t cols, int64_t depth,
              bool accumulate) {
  for (int64_t col = 0; col < cols;) {
    const Product strip{p.a, p.b + col, p.b_stride, p.c + col, p.c_stride};
    const int64_t left = (cols - col) / kLanes;
    const int64_t vectors = left == 3 ? 3 : std::min<int64_t>(left, 2);
    col += vectors * kLanes;
    if (vectors == 3) {
      MultiplyStrip<A, kTriangle, 3>(strip, col, rows, depth, accumulate);
    } else if (vectors == 2) {
      MultiplyStrip<A, kTriangle, 2>(strip, col, rows, depth, accumulate);
    } else {
      MultiplyStrip<A, kTriangle, 1>(strip, col, rows, depth, accumulate);
    }
  }
}

// Multiply, with the triangle of a diagonal tile or the whole tile.
template <typename A, Triangle kTriangle>
HWY_INLINE void MultiplyTile(const Product& p, int64_t cols, int64_t depth,
                             bool diagonal, bool accumulate) {
  diagonal ? Multiply<A, kTriangle>(p, kTile, cols, depth, accumulate)
           : Multiply<A, Triangle::kNone>(p, kTile, cols, depth, accumulate);
}

}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PERDURE_RUNTIME_KERNELS_TILE_GEMM_INL_H_
