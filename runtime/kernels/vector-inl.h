// Vectors of fp32 loaded from fp32 or bf16 rows, and sums with a fixed number
// of partial sums. Compiled once per instruction set (Highway's "-inl.h"
// scheme).
#if defined(PERDURE_RUNTIME_KERNELS_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PERDURE_RUNTIME_KERNELS_VECTOR_INL_H_
#undef PERDURE_RUNTIME_KERNELS_VECTOR_INL_H_
#else
#define PERDURE_RUNTIME_KERNELS_VECTOR_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "runtime/tensor/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, 16>;
using U32 = hn::Rebind<uint32_t, F32>;
using U16 = hn::Rebind<uint16_t, F32>;
using Vec = hn::Vec<F32>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(F32()));
// Sums have 16 partial sums whatever the vector length: element i belongs to
// partial sum i % 16. AVX2 and AVX-512 give the same bits.
constexpr int64_t kPartials = 16;
constexpr int64_t kVectors = kPartials / kLanes;

HWY_INLINE Vec Broadcast(float x) { return hn::Set(F32(), x); }

HWY_INLINE Vec Load(const float* p) { return hn::LoadU(F32(), p); }
HWY_INLINE Vec Load(const bf16* p) {
  const auto bits = hn::PromoteTo(U32(), hn::LoadU(U16(), &p->bits));
  return hn::BitCast(F32(), hn::ShiftLeft<16>(bits));
}

HWY_INLINE void Store(Vec v, float* p) { hn::StoreU(v, F32(), p); }
// Rounds to nearest, ties to even; NaN stays NaN: bf16's constructor in lanes.
HWY_INLINE void Store(Vec v, bf16* p) {
  const U32 du;
  const auto bits = hn::BitCast(du, v);
  const auto high = hn::ShiftRight<16>(bits);
  const auto odd = hn::And(high, hn::Set(du, 1));
  const auto nearest =
      hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff))));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  const auto rounded =
      hn::IfThenElse(is_nan, hn::Or(high, hn::Set(du, 0x40)), nearest);
  hn::StoreU(hn::TruncateTo(U16(), rounded), U16(), &p->bits);
}

// The first n elements (all of a vector where n >= kLanes, none where n <= 0);
// the other lanes are 0.
template <typename T>
HWY_INLINE Vec LoadUpTo(const T* p, int64_t n) {
  if (HWY_LIKELY(n >= kLanes)) return Load(p);
  T padded[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) padded[i] = p[i];
  return Load(padded);
}

template <typename T>
HWY_INLINE void StoreUpTo(Vec v, T* p, int64_t n) {
  if (HWY_LIKELY(n >= kLanes)) return Store(v, p);
  T padded[kLanes];
  Store(v, padded);
  for (int64_t i = 0; i < n; ++i) p[i] = padded[i];
}

// Zeroes all lanes from n on.
HWY_INLINE Vec KeepFirst(Vec v, int64_t n) {
  if (HWY_LIKELY(n >= kLanes)) return v;
  const size_t lanes = static_cast<size_t>(std::max<int64_t>(n, 0));
  return hn::IfThenElseZero(hn::FirstN(F32(), lanes), v);
}

// body(i, n - i) for i = 0, kLanes, 2 kLanes ... below n.
template <typename Body>
HWY_INLINE void ForEachVector(int64_t n, Body&& body) {
  for (int64_t i = 0; i < n; i += kLanes) body(i, n - i);
}

// Lane i + lane i + n/2, and so on.
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE float AddHalves(F32, Vec v) { return hn::GetLane(v); }
#else
template <class D>
HWY_INLINE float AddHalves(D, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(v);
  } else {
    const hn::Half<D> half;
    return AddHalves(half,
                     hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}
#endif

// 16 partial sums, added pairwise at the end.
class Sum {
 public:
  HWY_INLINE Sum() {
    for (Vec& v : parts_) v = hn::Zero(F32());
  }
  HWY_INLINE void Add(int64_t part, Vec v) {
    parts_[part] = hn::Add(parts_[part], v);
  }
  HWY_INLINE void AddProduct(int64_t part, Vec a, Vec b) {
    parts_[part] = hn::MulAdd(a, b, parts_[part]);
  }
  HWY_INLINE float Total() const {
    Vec parts[kVectors];
    std::copy_n(parts_, kVectors, parts);
    for (int64_t half = kVectors / 2; half > 0; half /= 2) {
      for (int64_t i = 0; i < half; ++i) {
        parts[i] = hn::Add(parts[i], parts[i + half]);
      }
    }
    return AddHalves(F32(), parts[0]);
  }

 private:
  Vec parts_[kVectors];
};

// body(part, i, n - i) for every vector of n elements, in whole groups of 16
// elements: n - i may be <= 0, where LoadUpTo gives zeros.
template <typename Body>
HWY_INLINE void ForEachPartial(int64_t n, Body&& body) {
  for (int64_t i = 0; i < n; i += kPartials) {
    for (int64_t part = 0; part < kVectors; ++part) {
      body(part, i + part * kLanes, n - i - part * kLanes);
    }
  }
}

}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PERDURE_RUNTIME_KERNELS_VECTOR_INL_H_
