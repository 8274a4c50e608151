#include "runtime/comm/reduce.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "glog/logging.h"

namespace perdure {
namespace {

struct Sum {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    } else {
      return a + b;
    }
  }
};

// `b != b` keeps a NaN of either side: a NaN loss must not vanish in a maximum.
struct Max {
  template <typename T>
  T operator()(T a, T b) const {
    return (a < b || b != b) ? b : a;
  }
};

struct Min {
  template <typename T>
  T operator()(T a, T b) const {
    return (b < a || b != b) ? b : a;
  }
};

// target[i] = left[i] op right[i]. The arrays are distinct or the same one,
// never shifted, so iterations do not depend on each other.
template <typename Accumulator, typename Combine, typename Left, typename Right,
          typename Target>
void CombineArrays(const Left* left, const Right* right, int64_t n,
                   Target* target) {
  constexpr Combine combine;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    target[i] = static_cast<Target>(combine(
        static_cast<Accumulator>(left[i]), static_cast<Accumulator>(right[i])));
  }
}

template <typename T, typename Accumulator, typename Combine>
void ReduceTyped(const void* const* parts, int count, int64_t n, void* out) {
  constexpr int64_t kBlock = 1024;  // stays in the first-level cache
  Accumulator sum[kBlock];
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t length = std::min(kBlock, n - begin);
    const auto part = [&](int i) {
      return static_cast<const T*>(parts[i]) + begin;
    };
    T* target = static_cast<T*>(out) + begin;
    if (count == 1) {
      std::memmove(target, part(0), length * sizeof(T));
    } else if (count == 2) {
      CombineArrays<Accumulator, Combine>(part(0), part(1), length, target);
    } else {
      CombineArrays<Accumulator, Combine>(part(0), part(1), length, sum);
      for (int i = 2; i < count - 1; ++i) {
        CombineArrays<Accumulator, Combine>(sum, part(i), length, sum);
      }
      CombineArrays<Accumulator, Combine>(sum, part(count - 1), length, target);
    }
  }
}

template <typename Combine>
void ReduceWith(DType dtype, const void* const* parts, int count, int64_t n,
                void* out) {
  switch (dtype) {
    case DType::kF32:
      return ReduceTyped<float, float, Combine>(parts, count, n, out);
    case DType::kF64:
      return ReduceTyped<double, double, Combine>(parts, count, n, out);
    case DType::kI32:
      return ReduceTyped<int32_t, int32_t, Combine>(parts, count, n, out);
    case DType::kI64:
      return ReduceTyped<int64_t, int64_t, Combine>(parts, count, n, out);
    case DType::kBF16:
      return ReduceTyped<bf16, float, Combine>(parts, count, n, out);
    default:
      LOG(FATAL) << "no reduction of " << DTypeName(dtype);
  }
}

}  // namespace

bool IsReducible(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kI32 ||
         dtype == DType::kI64 || dtype == DType::kBF16;
}

void ReduceInRankOrder(DType dtype, ReduceOp op, const void* const* parts,
                       int count, int64_t n, void* out) {
  switch (op) {
    case ReduceOp::kSum:
      return ReduceWith<Sum>(dtype, parts, count, n, out);
    case ReduceOp::kMax:
      return ReduceWith<Max>(dtype, parts, count, n, out);
    case ReduceOp::kMin:
      return ReduceWith<Min>(dtype, parts, count, n, out);
  }
}

}  // namespace perdure
