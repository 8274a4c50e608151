#include "runtime/device/streaming_copy.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/device/streaming_copy.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// Behind it: they use its namespaces.
#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

HWY_ATTR void Copy(uint8_t* target, const uint8_t* source, uint64_t bytes) {
  const hn::ScalableTag<uint8_t> d;
  const uint64_t lanes = hn::Lanes(d);
  // Whole vectors at their own addresses only: head and tail are copied.
  const uint64_t past = reinterpret_cast<uintptr_t>(target) % lanes;
  const uint64_t head = std::min(bytes, past == 0 ? 0 : lanes - past);
  std::memcpy(target, source, head);
  uint64_t at = head;
  for (; at + lanes <= bytes; at += lanes) {
    hn::Stream(hn::LoadU(d, source + at), d, target + at);
  }
  std::memcpy(target + at, source + at, bytes - at);
  hwy::FlushStream();
}

}  // namespace
}  // namespace perdure::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure {

HWY_EXPORT(Copy);

void StreamingCopy(void* target, const void* source, uint64_t bytes) {
  HWY_DYNAMIC_DISPATCH(Copy)
  (static_cast<uint8_t*>(target), static_cast<const uint8_t*>(source), bytes);
}

}  // namespace perdure
#endif  // HWY_ONCE
