// Philox4x32-10 in lanes: the counters of runtime/base/philox.h, one a lane.
#if defined(PERDURE_RUNTIME_KERNELS_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PERDURE_RUNTIME_KERNELS_PHILOX_INL_H_
#undef PERDURE_RUNTIME_KERNELS_PHILOX_INL_H_
#else
#define PERDURE_RUNTIME_KERNELS_PHILOX_INL_H_
#endif

#include "hwy/highway.h"
#include "runtime/base/philox.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {

using UVec = hn::Vec<U32>;

struct PhiloxLanes {
  UVec word[4];
};

// The 32-bit halves of the 64-bit products a * factor.
HWY_INLINE void MultiplyWide(UVec a, uint32_t factor, UVec* low, UVec* high) {
  const U32 du;
  const auto f = hn::Set(du, factor);
#if HWY_TARGET == HWY_SCALAR
  const uint64_t product = uint64_t{hn::GetLane(a)} * factor;
  *low = hn::Set(du, static_cast<uint32_t>(product));
  *high = hn::Set(du, static_cast<uint32_t>(product >> 32));
  (void)f;
#else
  const hn::Repartition<uint64_t, U32> du64;
  const auto even = hn::MulEven(a, f);
  const auto odd =
      hn::MulEven(hn::BitCast(du, hn::ShiftRight<32>(hn::BitCast(du64, a))), f);
  *low = hn::OddEven(hn::BitCast(du, hn::ShiftLeft<32>(odd)),
                     hn::BitCast(du, even));
  *high = hn::OddEven(hn::BitCast(du, odd),
                      hn::BitCast(du, hn::ShiftRight<32>(even)));
#endif
}

HWY_INLINE PhiloxLanes Philox(PhiloxLanes counter, PhiloxKey key) {
  const U32 du;
  for (int round = 0; round < 10; ++round) {
    UVec low0, high0, low1, high1;
    MultiplyWide(counter.word[0], 0xD2511F53, &low0, &high0);
    MultiplyWide(counter.word[2], 0xCD9E8D57, &low1, &high1);
    counter.word[0] =
        hn::Xor(hn::Xor(high1, counter.word[1]), hn::Set(du, key[0]));
    counter.word[2] =
        hn::Xor(hn::Xor(high0, counter.word[3]), hn::Set(du, key[1]));
    counter.word[1] = low1;
    counter.word[3] = low0;
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// UniformFromBits in lanes.
HWY_INLINE Vec UniformLanes(UVec bits) {
  const hn::RebindToSigned<U32> di;
  const auto upper = hn::BitCast(di, hn::ShiftRight<8>(bits));
  return hn::Mul(hn::ConvertTo(F32(), upper), Broadcast(0x1p-24f));
}

}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PERDURE_RUNTIME_KERNELS_PHILOX_INL_H_
