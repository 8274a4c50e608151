#include <algorithm>
#include <cmath>
#include <cstdint>

#include "glog/logging.h"
#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/dropout_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/vector-inl.h"

// Seen once, by all instruction sets.
#ifndef PERDURE_RUNTIME_KERNELS_DROPOUT_CPU_TYPES_
#define PERDURE_RUNTIME_KERNELS_DROPOUT_CPU_TYPES_
namespace perdure::kernels {
namespace {

struct DropoutRule {
  PhiloxKey key;
  uint32_t threshold;  // dropped iff the upper 24 bits are below
  float scale;         // of what stays
};

}  // namespace
}  // namespace perdure::kernels
#endif  // PERDURE_RUNTIME_KERNELS_DROPOUT_CPU_TYPES_

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

// Counters computed together; 4 numbers come from each.
constexpr int64_t kCounters = 32;
constexpr int64_t kNumbers = 4 * kCounters;

// bits[4 c + lane] of counters {first + c, row id low, row id high, 0}:
// Philox4x32 of runtime/base/philox.h.
#if HWY_TARGET == HWY_SCALAR
void Bits(PhiloxKey key, uint32_t first, uint64_t row_id, uint32_t* bits) {
  for (uint32_t c = 0; c < kCounters; ++c) {
    const PhiloxCounter four =
        Philox4x32({first + c, static_cast<uint32_t>(row_id),
                    static_cast<uint32_t>(row_id >> 32), 0},
                   key);
    std::copy(four.begin(), four.end(), bits + 4 * c);
  }
}
#else
using U64 = hn::CappedTag<uint64_t, 8>;
using U32Pairs = hn::Repartition<uint32_t, U64>;
using Vec64 = hn::Vec<U64>;

HWY_INLINE Vec64 Multiply(Vec64 word, uint32_t constant) {
  return hn::MulEven(hn::BitCast(U32Pairs(), word),
                     hn::Set(U32Pairs(), constant));
}

// A counter a lane, each word in the low half of 64 bits: what the widening
// multiplication takes and gives.
void Bits(PhiloxKey key, uint32_t first, uint64_t row_id, uint32_t* bits) {
  const U64 d;
  const int64_t lanes = static_cast<int64_t>(hn::MaxLanes(d));
  const Vec64 low = hn::Set(d, 0xffffffffu);
  for (int64_t c = 0; c < kCounters; c += lanes) {
    Vec64 c0 = hn::Iota(d, first + static_cast<uint64_t>(c));
    Vec64 c1 = hn::Set(d, row_id & 0xffffffffu);
    Vec64 c2 = hn::Set(d, row_id >> 32);
    Vec64 c3 = hn::Zero(d);
    uint32_t key0 = key[0], key1 = key[1];
    for (int round = 0; round < 10; ++round) {
      const Vec64 product0 = Multiply(c0, 0xD2511F53);
      const Vec64 product1 = Multiply(c2, 0xCD9E8D57);
      c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product1), c1),
                   hn::Set(d, uint64_t{key0}));
      c1 = hn::And(product1, low);
      c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product0), c3),
                   hn::Set(d, uint64_t{key1}));
      c3 = hn::And(product0, low);
      key0 += 0x9E3779B9;
      key1 += 0xBB67AE85;
    }
    hn::StoreInterleaved2(hn::Or(c0, hn::ShiftLeft<32>(c1)),
                          hn::Or(c2, hn::ShiftLeft<32>(c3)), d,
                          reinterpret_cast<uint64_t*>(bits + 4 * c));
  }
}
#endif

template <typename T>
void DropoutRowTyped(const DropoutRule& rule, uint64_t row_id, T* x,
                     int64_t n) {
  using I32 = hn::Rebind<int32_t, F32>;
  const Vec scale = Broadcast(rule.scale);
  const auto threshold = hn::Set(I32(), static_cast<int32_t>(rule.threshold));
  for (int64_t begin = 0; begin < n; begin += kNumbers) {
    alignas(64) uint32_t bits[kNumbers];
    Bits(rule.key, static_cast<uint32_t>(begin / 4), row_id, bits);
    T* part = x + begin;
    ForEachVector(
        std::min(kNumbers, n - begin), [&](int64_t i, int64_t left) HWY_ATTR {
          const auto top = hn::ShiftRight<8>(hn::LoadU(U32(), bits + i));
          const auto kept = hn::RebindMask(
              F32(), hn::Not(hn::Lt(hn::BitCast(I32(), top), threshold)));
          const Vec scaled = hn::Mul(LoadUpTo(part + i, left), scale);
          StoreUpTo(hn::IfThenElseZero(kept, scaled), part + i, left);
        });
  }
}

void DropoutRow(const DropoutRule& rule, int64_t row_id, MatrixView x) {
  const uint64_t id = static_cast<uint64_t>(row_id);
  x.dtype == DType::kF32 ? DropoutRowTyped(rule, id, x.as<float>(), x.cols)
                         : DropoutRowTyped(rule, id, x.as<bf16>(), x.cols);
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(DropoutRow);

}  // namespace

void Dropout(StreamView stream, float probability, PhiloxKey key,
             const int64_t* row_ids, MatrixView x) {
  CHECK(probability >= 0 && probability < 1) << probability;
  CHECK(x.dtype == DType::kF32 || x.dtype == DType::kBF16);
  if (probability == 0) return;
  // u * 2^-24 < p for an integer u iff u < ceil(p * 2^24), which is exact.
  const DropoutRule rule = {
      key, static_cast<uint32_t>(std::ceil(double{probability} * 0x1p24)),
      1.0f / (1.0f - probability)};
  const int64_t grain = 4096 / std::max<int64_t>(x.cols, 1);
  ParallelFor(stream, x.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      HWY_DYNAMIC_DISPATCH(DropoutRow)(rule, row_ids[i], x.Rows(i, 1));
    }
  });
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
