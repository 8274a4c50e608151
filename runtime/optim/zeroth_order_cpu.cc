#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "glog/logging.h"
#include "runtime/kernels/simd.h"
#include "runtime/optim/zeroth_order.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/optim/zeroth_order_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/vector-inl.h"
#include "runtime/optim/noise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

// What a chunk needs beside the caller's memory.
struct Scratch {
  alignas(64) uint32_t words[kWords];
  // A vector may begin at any element: the last one reads beyond the chunk.
  alignas(64) uint32_t rounding[kChunk + 16];
  alignas(64) float noise[kChunk];  // z, or the sum over directions
  alignas(64) float theta[kChunk];  // weights that are not fp32 in memory
};

// body(piece, offset of its first element in the span).
template <typename Body>
void ForEachPiece(int64_t first, int64_t size, Body&& body) {
  for (int64_t done = 0; done < size;) {
    const int64_t begin = (first + done) % kChunk;
    const int64_t end = std::min(kChunk, begin + size - done);
    body(Piece{(first + done) / kChunk, begin, end}, done);
    done += end - begin;
  }
}

void Fill(const Direction& direction, int64_t first, int64_t n, float* out) {
  CHECK(first >= 0 && n >= 0) << first << " " << n;
  Scratch scratch;
  ForEachPiece(first, n, [&](const Piece& piece, int64_t offset) HWY_ATTR {
    const int64_t size = piece.end - piece.begin;
    float* z = size == kChunk ? out + offset : scratch.noise;
    EmitNoise(direction, piece, scratch.words,
              [z](int64_t j, Vec v) HWY_ATTR { Store(v, z + j); });
    if (size == kChunk) return;
    std::copy_n(z + piece.begin, size, out + offset);
  });
}

// scratch.noise = the update's sum over its directions.
void SumDirections(const TensorNoise& tensor, const ZerothOrderUpdate& update,
                   const Piece& piece, Scratch* scratch) {
  float* acc = scratch->noise;
  if (update.coefficients.empty()) std::fill_n(acc, kChunk, 0.0f);
  Direction direction = {tensor.direction, update.kind,
                         static_cast<uint32_t>(update.step), 0};
  for (const float coefficient : update.coefficients) {
    const Vec c = Broadcast(coefficient);
    if (direction.index == 0) {
      EmitNoise(direction, piece, scratch->words,
                [acc, c](int64_t j, Vec z)
                    HWY_ATTR { Store(hn::Mul(c, z), acc + j); });
    } else {
      EmitNoise(direction, piece, scratch->words,
                [acc, c](int64_t j, Vec z)
                    HWY_ATTR { Store(Fma(c, z, Load(acc + j)), acc + j); });
    }
    ++direction.index;
  }
}

// The bf16 number (bits + addend) >> 16, as fp32; NaN stays NaN. Infinity has
// no bits that an addend below 2^16 could carry into.
HWY_INLINE Vec RoundedTo16Bits(Vec v, UVec addend) {
  const U32 du;
  const UVec bits = hn::BitCast(du, v);
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  const UVec rounded = hn::IfThenElse(
      is_nan, hn::Or(bits, hn::Set(du, 0x400000)), hn::Add(bits, addend));
  return hn::BitCast(F32(), hn::And(rounded, hn::Set(du, 0xffff0000)));
}

HWY_INLINE Vec NearestBf16(Vec v) {
  const U32 du;
  const UVec odd =
      hn::And(hn::ShiftRight<16>(hn::BitCast(du, v)), hn::Set(du, 1));
  return RoundedTo16Bits(v, hn::Add(odd, hn::Set(du, 0x7fff)));
}

// theta [n] = round(fma(decay, theta, acc), i).
template <typename Round>
HWY_INLINE void Advance(float decay, const float* acc, float* theta, int64_t n,
                        Round&& round) {
  const Vec factor = Broadcast(decay);
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    const Vec sum =
        Fma(factor, LoadUpTo(theta + i, left), LoadUpTo(acc + i, left));
    StoreUpTo(round(sum, i, left), theta + i, left);
  });
}

// One update of theta [piece], fp32 that holds values of the span's dtype.
void Update(const TensorNoise& tensor, const ZerothOrderUpdate& update,
            bool rounds, const Piece& piece, float* theta, Scratch* scratch) {
  SumDirections(tensor, update, piece, scratch);
  const float decay = tensor.decays ? update.decay : 1.0f;
  const float* acc = scratch->noise + piece.begin;
  const int64_t n = piece.end - piece.begin;
  if (!rounds) {
    Advance(decay, acc, theta, n,
            [](Vec v, int64_t, int64_t) HWY_ATTR { return v; });
  } else if (tensor.rounding_mode == Rounding::kNearest) {
    Advance(decay, acc, theta, n,
            [](Vec v, int64_t, int64_t) HWY_ATTR { return NearestBf16(v); });
  } else {
    RoundingBits(tensor.rounding, static_cast<uint32_t>(update.step), piece,
                 scratch->words, scratch->rounding);
    const uint32_t* bits = scratch->rounding + piece.begin;
    Advance(decay, acc, theta, n, [bits](Vec v, int64_t i, int64_t) HWY_ATTR {
      return RoundedTo16Bits(v, hn::LoadU(U32(), bits + i));
    });
  }
}

template <typename From, typename To>
HWY_INLINE void ConvertArray(const From* x, To* y, int64_t n) {
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    StoreUpTo(LoadUpTo(x + i, left), y + i, left);
  });
}

template <typename T>
HWY_INLINE void AddNoise(float scale, const float* z, const float* theta,
                         T* out, int64_t n) {
  const Vec factor = Broadcast(scale);
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    const Vec sum =
        Fma(factor, LoadUpTo(z + i, left), LoadUpTo(theta + i, left));
    StoreUpTo(sum, out + i, left);
  });
}

template <typename T>
void Perturb(const TensorNoise& tensor, const Perturbation& perturbation,
             const Piece& piece, int64_t offset, const float* theta,
             Scratch* scratch) {
  const Direction direction = {tensor.direction, perturbation.kind,
                               perturbation.step, perturbation.direction};
  float* z = scratch->noise;
  EmitNoise(direction, piece, scratch->words,
            [z](int64_t j, Vec v) HWY_ATTR { Store(v, z + j); });
  const int64_t n = piece.end - piece.begin;
  T* plus = static_cast<T*>(perturbation.plus);
  T* minus = static_cast<T*>(perturbation.minus);
  z += piece.begin;
  if (plus) AddNoise(perturbation.scale, z, theta, plus + offset, n);
  if (minus) AddNoise(-perturbation.scale, z, theta, minus + offset, n);
}

// Weights of type T in memory.
template <typename T>
void ApplyTyped(const TensorNoise& tensor,
                absl::Span<const ZerothOrderUpdate> updates,
                const WeightSpan& span, const Perturbation* perturbation) {
  constexpr bool kIsF32 = DTypeOf<T>() == DType::kF32;
  T* const weights = static_cast<T*>(span.weights);
  const bool rounds = !kIsF32 && span.master == nullptr;
  const bool perturbs =
      perturbation && (perturbation->plus || perturbation->minus);
  Scratch scratch;
  ForEachPiece(
      span.first, span.size, [&](const Piece& piece, int64_t offset) HWY_ATTR {
        const int64_t n = piece.end - piece.begin;
        float* theta = span.master ? span.master + offset : scratch.theta;
        if constexpr (kIsF32) {
          if (!span.master) theta = weights + offset;
        } else {
          if (rounds) ConvertArray(weights + offset, theta, n);
        }
        bool updated = false;
        for (const ZerothOrderUpdate& update : updates) {
          if (update.skipped) continue;
          Update(tensor, update, rounds, piece, theta, &scratch);
          updated = true;
        }
        if (updated && (span.master || !kIsF32)) {
          ConvertArray(theta, weights + offset, n);
        }
        if (perturbs) {
          Perturb<T>(tensor, *perturbation, piece, offset, theta, &scratch);
        }
      });
}

void Apply(const TensorNoise& tensor,
           absl::Span<const ZerothOrderUpdate> updates, const WeightSpan& span,
           const Perturbation* perturbation) {
  CHECK(span.first >= 0 && span.size >= 0) << span.first << " " << span.size;
  CHECK(span.dtype == DType::kF32 || span.dtype == DType::kBF16);
  span.dtype == DType::kF32
      ? ApplyTyped<float>(tensor, updates, span, perturbation)
      : ApplyTyped<bf16>(tensor, updates, span, perturbation);
}

}  // namespace

ZerothOrderKernels MakeZerothOrderKernels(const char* isa) {
  return {isa, &Fill, &Apply};
}

}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure {
namespace kernels {
namespace {

struct InstructionSet {
  int64_t target;
  const char* name;
  ZerothOrderKernels (*kernels)(const char* isa);  // nullptr: not compiled
};

// Worst first.
constexpr InstructionSet kInstructionSets[] = {
    {0, "scalar", HWY_CHOOSE_FALLBACK(MakeZerothOrderKernels)},
    {HWY_AVX2, "AVX2", HWY_CHOOSE_AVX2(MakeZerothOrderKernels)},
    {HWY_AVX3, "AVX-512", HWY_CHOOSE_AVX3(MakeZerothOrderKernels)}};

}  // namespace
}  // namespace kernels

std::vector<ZerothOrderKernels> AllZerothOrderKernels() {
  std::vector<ZerothOrderKernels> all;
  const int64_t supported = hwy::SupportedTargets();
  for (const auto& set : kernels::kInstructionSets) {
    const bool runs = set.target == 0 || (supported & set.target) != 0;
    if (set.kernels && runs) all.push_back(set.kernels(set.name));
  }
  return all;
}

const ZerothOrderKernels& BestZerothOrderKernels() {
  static const ZerothOrderKernels best = AllZerothOrderKernels().back();
  return best;
}

}  // namespace perdure
#endif  // HWY_ONCE
