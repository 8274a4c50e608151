// Packing heads into tiles, masks and dropout: what the forward and the
// backward pass of attention share.
#if defined(PERDURE_RUNTIME_KERNELS_ATTENTION_PACK_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef PERDURE_RUNTIME_KERNELS_ATTENTION_PACK_INL_H_
#undef PERDURE_RUNTIME_KERNELS_ATTENTION_PACK_INL_H_
#else
#define PERDURE_RUNTIME_KERNELS_ATTENTION_PACK_INL_H_
#endif

#include <algorithm>

#include "hwy/highway.h"
#include "runtime/kernels/attention_tiles.h"
#include "runtime/kernels/philox-inl.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {

template <typename T>
void PackTypedRows(const ConstMatrixView& part, float scale, int64_t width,
                   float* out) {
  const Vec factor = Broadcast(scale);
  for (int64_t row = 0; row < part.rows; ++row) {
    const T* in = part.as<T>() + row * part.stride;
    for (int64_t i = 0; i < width; i += kLanes) {
      Store(hn::Mul(LoadUpTo(in + i, part.cols - i), factor),
            out + row * width + i);
    }
  }
  std::fill(out + part.rows * width, out + kTile * width, 0.0f);
}

// part [n <= 64, dh], times scale -> out [64, width], zeros elsewhere.
HWY_INLINE void PackRows(const ConstMatrixView& part, float scale,
                         int64_t width, float* out) {
  part.dtype == DType::kF32 ? PackTypedRows<float>(part, scale, width, out)
                            : PackTypedRows<bf16>(part, scale, width, out);
}

// in [64, width] -> out [width, 64], rows kTileStride apart.
HWY_INLINE void TransposeTile(const float* in, int64_t width, float* out) {
#if HWY_TARGET == HWY_SCALAR
  for (int64_t row = 0; row < kTile; ++row) {
    for (int64_t i = 0; i < width; ++i) {
      out[i * kTileStride + row] = in[row * width + i];
    }
  }
#else
  // Blocks of 4 x 4.
  const hn::FixedTag<float, 4> d4;
  const hn::FixedTag<double, 2> d2;
  const auto pair_low = [&](auto a, auto b) HWY_ATTR {
    return hn::BitCast(
        d4, hn::InterleaveLower(d2, hn::BitCast(d2, a), hn::BitCast(d2, b)));
  };
  const auto pair_high = [&](auto a, auto b) HWY_ATTR {
    return hn::BitCast(
        d4, hn::InterleaveUpper(d2, hn::BitCast(d2, a), hn::BitCast(d2, b)));
  };
  for (int64_t row = 0; row < kTile; row += 4) {
    for (int64_t i = 0; i < width; i += 4) {
      const float* from = in + row * width + i;
      float* to = out + i * kTileStride + row;
      const auto r0 = hn::Load(d4, from), r1 = hn::Load(d4, from + width);
      const auto r2 = hn::Load(d4, from + 2 * width);
      const auto r3 = hn::Load(d4, from + 3 * width);
      const auto low01 = hn::InterleaveLower(d4, r0, r1);
      const auto low23 = hn::InterleaveLower(d4, r2, r3);
      const auto high01 = hn::InterleaveUpper(d4, r0, r1);
      const auto high23 = hn::InterleaveUpper(d4, r2, r3);
      hn::Store(pair_low(low01, low23), d4, to);
      hn::Store(pair_high(low01, low23), d4, to + kTileStride);
      hn::Store(pair_low(high01, high23), d4, to + 2 * kTileStride);
      hn::Store(pair_high(high01, high23), d4, to + 3 * kTileStride);
    }
  }
#endif
}

// Which lanes of kLanes queries (tile rows q ...) see key number `key` of the
// sequence: causal, and not before the query's document.
class LaneMask {
 public:
  HWY_INLINE LaneMask(const TileVisibility& visibility, int64_t query_tile,
                      int64_t q)
      : position_(
            hn::Iota(I32(), static_cast<int32_t>(query_tile * kTile + q))),
        first_(hn::LoadU(I32(), visibility.first + q)) {}
  // score where visible, `otherwise` elsewhere.
  HWY_INLINE Vec Apply(int64_t key, Vec score, Vec otherwise) const {
    const auto k = hn::Set(I32(), static_cast<int32_t>(key));
    const auto hidden = hn::Or(hn::Gt(k, position_), hn::Gt(first_, k));
    return hn::IfThenElse(hn::RebindMask(F32(), hidden), otherwise, score);
  }

 private:
  using I32 = hn::Rebind<int32_t, F32>;
  hn::Vec<I32> position_;
  hn::Vec<I32> first_;
};

// The 4 factors (0 or keep_scale) of keys 4 n .. 4 n + 3 for the kLanes queries
// from position `query` on.
struct KeepFactors {
  Vec of[4];
};
HWY_INLINE KeepFactors KeepFactorsOf(const HeadDropout& dropout, int64_t key,
                                     int64_t query) {
  const U32 du;
  PhiloxLanes counter;
  counter.word[0] = hn::Set(du, static_cast<uint32_t>(key / 4));
  counter.word[1] = hn::Iota(du, static_cast<uint32_t>(query));
  counter.word[2] = hn::Set(du, dropout.word2);
  counter.word[3] = hn::Set(du, dropout.word3);
  const PhiloxLanes bits = Philox(counter, dropout.key);
  KeepFactors factors;
  for (int lane = 0; lane < 4; ++lane) {
    const auto dropped =
        hn::Lt(UniformLanes(bits.word[lane]), Broadcast(dropout.probability));
    factors.of[lane] =
        hn::IfThenZeroElse(dropped, Broadcast(dropout.keep_scale));
  }
  return factors;
}

}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_PACK_INL_H_
