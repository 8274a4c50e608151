#include "runtime/state/digest.h"

#include <cstring>

#include "runtime/base/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/state/digest.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Elements of kBytes bytes. A lane of 64 bits holds 8 / kBytes of them, which
// are taken out one after the other.
template <int kBytes>
HWY_ATTR uint64_t DigestOf(const char* data, uint64_t begin, uint64_t n) {
  uint64_t done = 0, total = 0;
#if HWY_TARGET != HWY_SCALAR  // whose vectors cannot be taken apart
  constexpr uint64_t kInLane = 8 / kBytes;
  const hn::ScalableTag<uint64_t> d;
  const hn::Repartition<uint32_t, decltype(d)> d32;
  const uint64_t lanes = hn::Lanes(d);
  const uint64_t stride = lanes * kInLane;

  HWY_ALIGN uint64_t first[hn::MaxLanes(d)];
  for (uint64_t l = 0; l < lanes; ++l) {
    first[l] = (begin + l * kInLane + 1) * kDigestStep;
  }
  auto key = hn::Load(d, first);
  const auto next = hn::Set(d, kDigestStep);
  const auto advance = hn::Set(d, (stride - kInLane) * kDigestStep);
  const auto one = hn::Set(d, 1);
  const auto factor = hn::Set(d32, kDigestFactor);
  const auto mask = hn::Set(
      d, kBytes == 8 ? ~uint64_t{0} : (uint64_t{1} << (kBytes * 8 % 64)) - 1);
  auto sum = hn::Zero(d);
  for (; done + stride <= n; done += stride) {
    auto word =
        hn::LoadU(d, reinterpret_cast<const uint64_t*>(data + done * kBytes));
    for (uint64_t j = 0; j < kInLane; ++j) {
      const auto u = hn::Xor(key, hn::And(word, mask));
      const auto high = hn::Or(hn::ShiftRight<32>(u), one);
      const auto z =
          hn::Add(u, hn::MulEven(hn::BitCast(d32, u), hn::BitCast(d32, high)));
      const auto w = hn::Xor(z, hn::ShiftRight<29>(z));
      sum = hn::Add(sum, hn::Add(w, hn::MulEven(hn::BitCast(d32, w), factor)));
      key = hn::Add(key, next);
      if constexpr (kBytes < 8) word = hn::ShiftRight<kBytes * 8>(word);
    }
    key = hn::Add(key, advance);
  }
  total = hn::GetLane(hn::SumOfLanes(d, sum));
#endif
  for (; done < n; ++done) {
    uint64_t bits = 0;
    std::memcpy(&bits, data + done * kBytes, kBytes);
    total += Mix(begin + done, bits);
  }
  return total;
}

uint64_t Digest1(const char* data, uint64_t begin, uint64_t n) {
  return DigestOf<1>(data, begin, n);
}
uint64_t Digest2(const char* data, uint64_t begin, uint64_t n) {
  return DigestOf<2>(data, begin, n);
}
uint64_t Digest4(const char* data, uint64_t begin, uint64_t n) {
  return DigestOf<4>(data, begin, n);
}
uint64_t Digest8(const char* data, uint64_t begin, uint64_t n) {
  return DigestOf<8>(data, begin, n);
}

}  // namespace
}  // namespace perdure::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure {

HWY_EXPORT(Digest1);
HWY_EXPORT(Digest2);
HWY_EXPORT(Digest4);
HWY_EXPORT(Digest8);

uint64_t Digest(DType dtype, const void* data, uint64_t begin, uint64_t n) {
  const char* bytes = static_cast<const char*>(data);
  switch (SizeOf(dtype)) {
    case 1:
      return HWY_DYNAMIC_DISPATCH(Digest1)(bytes, begin, n);
    case 2:
      return HWY_DYNAMIC_DISPATCH(Digest2)(bytes, begin, n);
    case 4:
      return HWY_DYNAMIC_DISPATCH(Digest4)(bytes, begin, n);
    default:
      return HWY_DYNAMIC_DISPATCH(Digest8)(bytes, begin, n);
  }
}

uint64_t StateDigest(const StatePiece& piece) {
  const uint64_t name = NameHash(piece.tensor.data(), piece.tensor.size());
  return (name | 1) * Digest(piece.dtype, piece.data,
                             static_cast<uint64_t>(piece.begin),
                             static_cast<uint64_t>(piece.end - piece.begin));
}

}  // namespace perdure
#endif  // HWY_ONCE
