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

// factors[4 c + lane] of counters {first + c, row id low, row id high, 0}:
// Philox4x32 of runtime/base/philox.h, with counters in vector lanes.
void Factors(const DropoutRule& rule, uint32_t first, uint64_t row_id,
             float* factors) {
  uint32_t c0[kCounters], c1[kCounters], c2[kCounters], c3[kCounters];
  for (int64_t c = 0; c < kCounters; ++c) {
    c0[c] = first + static_cast<uint32_t>(c);
    c1[c] = static_cast<uint32_t>(row_id);
    c2[c] = static_cast<uint32_t>(row_id >> 32);
    c3[c] = 0;
  }
  uint32_t key0 = rule.key[0], key1 = rule.key[1];
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (int64_t c = 0; c < kCounters; ++c) {
      const uint64_t product0 = uint64_t{0xD2511F53} * c0[c];
      const uint64_t product1 = uint64_t{0xCD9E8D57} * c2[c];
      c0[c] = static_cast<uint32_t>(product1 >> 32) ^ c1[c] ^ key0;
      c1[c] = static_cast<uint32_t>(product1);
      c2[c] = static_cast<uint32_t>(product0 >> 32) ^ c3[c] ^ key1;
      c3[c] = static_cast<uint32_t>(product0);
    }
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  const auto factor = [&rule](uint32_t bits) HWY_ATTR {
    return (bits >> 8) < rule.threshold ? 0.0f : rule.scale;
  };
#pragma omp simd
  for (int64_t c = 0; c < kCounters; ++c) {
    factors[4 * c] = factor(c0[c]);
    factors[4 * c + 1] = factor(c1[c]);
    factors[4 * c + 2] = factor(c2[c]);
    factors[4 * c + 3] = factor(c3[c]);
  }
}

template <typename T>
void DropoutRowTyped(const DropoutRule& rule, uint64_t row_id, T* x,
                     int64_t n) {
  for (int64_t begin = 0; begin < n; begin += kNumbers) {
    float factors[kNumbers];
    Factors(rule, static_cast<uint32_t>(begin / 4), row_id, factors);
    T* part = x + begin;
    const int64_t count = std::min(kNumbers, n - begin);
    ForEachVector(count, [&](int64_t i, int64_t left) HWY_ATTR {
      const Vec factor = Load(factors + i);
      // Not a product with 0: what is dropped is 0 even if it was infinite.
      const Vec kept = hn::Mul(LoadUpTo(part + i, left), factor);
      const auto dropped = hn::Eq(factor, hn::Zero(F32()));
      StoreUpTo(hn::IfThenZeroElse(dropped, kept), part + i, left);
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
