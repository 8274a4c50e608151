#ifndef PERDURE_RUNTIME_TENSOR_DTYPE_H_
#define PERDURE_RUNTIME_TENSOR_DTYPE_H_

// Element types. Kernels compute with kF32 and kBF16; the others exist in
// files.

#include <bit>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace perdure {

enum class DType : uint8_t {
  kF32 = 1,
  kBF16 = 2,
  kF16 = 3,
  kI32 = 4,
  kI64 = 5,
  kF64 = 6,
  kU8 = 7
};

constexpr int64_t SizeOf(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
    case DType::kF16:
      return 2;
    case DType::kI64:
    case DType::kF64:
      return 8;
    case DType::kU8:
      return 1;
    default:
      return 4;
  }
}

// safetensors' names: "F32", "BF16", "F16", "I32", "I64", "F64", "U8".
absl::string_view DTypeName(DType dtype);
std::optional<DType> DTypeFromName(absl::string_view name);

// bfloat16: the upper half of an IEEE binary32. Rounds to nearest, ties to
// even; NaN stays NaN.
struct bf16 {
  uint16_t bits = 0;

  bf16() = default;
  explicit bf16(float value) {
    uint32_t u = std::bit_cast<uint32_t>(value);
    if ((u & 0x7fffffffu) > 0x7f800000u) {
      bits = static_cast<uint16_t>((u >> 16) | 0x40u);
    } else {
      bits = static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
    }
  }
  explicit operator float() const {
    return std::bit_cast<float>(uint32_t{bits} << 16);
  }
};
static_assert(sizeof(bf16) == 2);

// IEEE binary16 <-> binary32, round to nearest even.
float HalfToFloat(uint16_t half);
uint16_t FloatToHalf(float value);

template <typename T>
constexpr DType DTypeOf();
template <>
constexpr DType DTypeOf<float>() {
  return DType::kF32;
}
template <>
constexpr DType DTypeOf<bf16>() {
  return DType::kBF16;
}
template <>
constexpr DType DTypeOf<int32_t>() {
  return DType::kI32;
}
template <>
constexpr DType DTypeOf<int64_t>() {
  return DType::kI64;
}
template <>
constexpr DType DTypeOf<double>() {
  return DType::kF64;
}

// Converts n elements between kF32, kBF16, kF16 (any pair).
void ConvertElements(DType from, const void* source, DType to, void* target,
                     int64_t n);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_TENSOR_DTYPE_H_
