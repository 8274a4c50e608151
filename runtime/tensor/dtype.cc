#include "runtime/tensor/dtype.h"

#include <cstring>

#include "glog/logging.h"

namespace perdure {
namespace {

struct NamedType {
  DType dtype;
  absl::string_view name;
};
constexpr NamedType kNames[] = {{DType::kF32, "F32"}, {DType::kBF16, "BF16"},
                                {DType::kF16, "F16"}, {DType::kI32, "I32"},
                                {DType::kI64, "I64"}, {DType::kF64, "F64"},
                                {DType::kU8, "U8"}};

float LoadAsFloat(DType dtype, const void* source, int64_t i) {
  switch (dtype) {
    case DType::kBF16:
      return static_cast<float>(static_cast<const bf16*>(source)[i]);
    case DType::kF16:
      return HalfToFloat(static_cast<const uint16_t*>(source)[i]);
    default:
      return static_cast<const float*>(source)[i];
  }
}

void StoreFloat(DType dtype, float value, void* target, int64_t i) {
  switch (dtype) {
    case DType::kBF16:
      static_cast<bf16*>(target)[i] = bf16(value);
      break;
    case DType::kF16:
      static_cast<uint16_t*>(target)[i] = FloatToHalf(value);
      break;
    default:
      static_cast<float*>(target)[i] = value;
  }
}

bool IsFloating(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

}  // namespace

absl::string_view DTypeName(DType dtype) {
  for (const NamedType& entry : kNames) {
    if (entry.dtype == dtype) return entry.name;
  }
  return "?";
}

std::optional<DType> DTypeFromName(absl::string_view name) {
  for (const NamedType& entry : kNames) {
    if (entry.name == name) return entry.dtype;
  }
  return std::nullopt;
}

float HalfToFloat(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t wide = exponent == 31 ? 0xffu : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;   // NaN
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // overflows to Inf
  if (magnitude < 0x38800000u) {                        // subnormal or zero
    // Adding 0.5 puts the half's last bit at the float's last bit: the FPU
    // rounds to nearest even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<uint16_t>(std::bit_cast<uint32_t>(shifted) -
                                        0x3f000000u);
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return sign | static_cast<uint16_t>((rounded - 0x38000000u) >> 13);
}

void ConvertElements(DType from, const void* source, DType to, void* target,
                     int64_t n) {
  if (from == to) {
    std::memcpy(target, source, static_cast<size_t>(n * SizeOf(from)));
    return;
  }
  CHECK(IsFloating(from) && IsFloating(to))
      << "no conversion from " << DTypeName(from) << " to " << DTypeName(to);
  for (int64_t i = 0; i < n; ++i) {
    StoreFloat(to, LoadAsFloat(from, source, i), target, i);
  }
}

}  // namespace perdure
