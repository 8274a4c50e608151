#include "runtime/state/state_map.h"

#include <tuple>

namespace perdure {

int64_t StateTensor::elements() const {
  int64_t elements = 1;
  for (const int64_t extent : shape) elements *= extent;
  return elements;
}

uint64_t StateTensor::bytes() const {
  return static_cast<uint64_t>(elements() * SizeOf(dtype));
}

bool operator<(const StateTensor& a, const StateTensor& b) {
  const int64_t size_a = -SizeOf(a.dtype), size_b = -SizeOf(b.dtype);
  return std::tie(a.kind, size_a, a.name) < std::tie(b.kind, size_b, b.name);
}

}  // namespace perdure
