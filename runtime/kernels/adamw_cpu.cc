#include "glog/logging.h"
#include "runtime/kernels/adamw.h"
#include "runtime/kernels/adamw_update.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/adamw_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

// The scalar functor in a loop that the compiler vectorises: bound by memory
// on every instruction set, so that nothing is gained by writing out vectors.
// __restrict: the five arrays never overlap.
void AdamWSpan(const AdamWUpdate& update, const float* __restrict grad,
               float* __restrict param, float* __restrict m,
               float* __restrict v, int64_t n) {
  const AdamWUpdate local = update;  // in registers: stores cannot alias it
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    param[i] = local(grad[i], param[i], m[i], v[i]);
  }
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "runtime/kernels/elementwise.h"

namespace perdure::kernels {
namespace {

HWY_EXPORT(AdamWSpan);

}  // namespace

void AdamW(StreamView stream, const AdamWSettings& settings,
           const AdamWArrays& arrays) {
  CHECK_GE(settings.step, 1) << "AdamW counts steps from 1";
  const AdamWUpdate update(settings);
  // The shadow is rounded from cache, piece by piece.
  constexpr int64_t kSpan = 8192;
  ParallelFor(stream, arrays.n, kSpan, [&](int64_t begin, int64_t end) {
    const int64_t count = end - begin;
    HWY_DYNAMIC_DISPATCH(AdamWSpan)
    (update, arrays.grad + begin, arrays.param + begin, arrays.m + begin,
     arrays.v + begin, count);
    if (arrays.shadow == nullptr) return;
    Convert({}, {arrays.param + begin, DType::kF32, 1, count},
            {arrays.shadow + begin, DType::kBF16, 1, count});
  });
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
