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
  alignas(64) uint32_t rounding[kWords];
  alignas(64) float sum[kChunk];  // over directions, or z
};

// body(piece, offset of its first element in the span).
template <typename Body>
HWY_INLINE void ForEachPiece(int64_t first, int64_t size, Body&& body) {
  for (int64_t done = 0; done < size;) {
    const int64_t begin = (first + done) % kChunk;
    const int64_t end = std::min(kChunk, begin + size - done);
    body(Piece{(first + done) / kChunk, begin, end}, done);
    done += end - begin;
  }
}

bool IsWhole(const Piece& piece) { return piece.end - piece.begin == kChunk; }

void Fill(const Direction& direction, int64_t first, int64_t n, float* out) {
  CHECK(first >= 0 && n >= 0) << first << " " << n;
  Scratch scratch;
  ForEachPiece(first, n, [&](const Piece& piece, int64_t offset) HWY_ATTR {
    float* z = IsWhole(piece) ? out + offset : scratch.sum;
    EmitNoise(direction, piece, scratch.words,
              [z](int64_t j, Vec v) HWY_ATTR { Store(v, z + j); });
    if (IsWhole(piece)) return;
    std::copy(z + piece.begin, z + piece.end, out + offset);
  });
}

// How an updated theta gets back into memory, by its elements j, j + 1 ...
struct AsIs {
  HWY_INLINE void operator()(Vec v, int64_t j, float* theta) const {
    Store(v, theta + j);
  }
};

struct ToNearest {
  HWY_INLINE void operator()(Vec v, int64_t j, bf16* theta) const {
    Store(v, theta + j);
  }
};

// The upper half of (bits + random bits). A NaN, quiet as every result of
// arithmetic, is cut; infinity has no bits in its lower half that could carry.
struct Stochastically {
  const uint32_t* words;

  HWY_INLINE void operator()(Vec v, int64_t j, bf16* theta) const {
    const U32 du;
    const UVec bits = hn::BitCast(du, v);
    const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
    const UVec rounded =
        hn::IfThenElse(is_nan, bits, hn::Add(bits, RoundingLanes(words, j)));
    const auto upper = hn::TruncateTo(U16(), hn::ShiftRight<16>(rounded));
    hn::StoreU(upper, U16(), &theta[j].bits);
  }
};

// sum + c z. Without a sum -0, which adds nothing to any product, so that the
// result is the product itself.
HWY_INLINE Vec AddProduct(Vec c, Vec z, const float* sum, int64_t j) {
  return Fma(c, z, sum ? Load(sum + j) : Broadcast(-0.0f));
}

// The sum over all directions but the last; nullptr where there are no more
// than one.
float* SumOfFirst(const TensorNoise& tensor, const ZerothOrderUpdate& update,
                  const Piece& piece, Scratch* scratch) {
  float* sum = nullptr;
  for (uint32_t k = 0; k + 1 < update.coefficients.size(); ++k) {
    const Vec c = Broadcast(update.coefficients[k]);
    float* out = scratch->sum;
    EmitNoise(
        {tensor.direction, update.kind, static_cast<uint32_t>(update.step), k},
        piece, scratch->words, [out, sum, c](int64_t j, Vec z) HWY_ATTR {
          Store(AddProduct(c, z, sum, j), out + j);
        });
    sum = out;
  }
  return sum;
}

// theta = round(fma(decay, theta, sum over directions)). The last direction is
// used as it is made: only the sum of those before goes through memory.
template <typename Theta, typename Round>
void Update(const TensorNoise& tensor, const ZerothOrderUpdate& update,
            const Piece& piece, Theta* theta, Scratch* scratch, Round round) {
  const Vec decay = Broadcast(tensor.decays ? update.decay : 1.0f);
  if (update.coefficients.empty()) {
    for (int64_t j = 0; j < kChunk; j += kLanes) {
      round(Fma(decay, Load(theta + j), Broadcast(0.0f)), j, theta);
    }
    return;
  }
  const float* sum = SumOfFirst(tensor, update, piece, scratch);
  const uint32_t last = static_cast<uint32_t>(update.coefficients.size()) - 1;
  const Vec c = Broadcast(update.coefficients[last]);
  EmitNoise(
      {tensor.direction, update.kind, static_cast<uint32_t>(update.step), last},
      piece, scratch->words, [=](int64_t j, Vec z) HWY_ATTR {
        const Vec acc = AddProduct(c, z, sum, j);
        round(Fma(decay, Load(theta + j), acc), j, theta);
      });
}

// fp32: weights, or masters of others.
void UpdateRounded(const TensorNoise& tensor, const ZerothOrderUpdate& update,
                   const Piece& piece, float* theta, Scratch* scratch) {
  Update(tensor, update, piece, theta, scratch, AsIs());
}

void UpdateRounded(const TensorNoise& tensor, const ZerothOrderUpdate& update,
                   const Piece& piece, bf16* theta, Scratch* scratch) {
  if (tensor.rounding_mode == Rounding::kNearest) {
    return Update(tensor, update, piece, theta, scratch, ToNearest());
  }
  RoundingWords(tensor.rounding, static_cast<uint32_t>(update.step), piece,
                scratch->rounding);
  Update(tensor, update, piece, theta, scratch,
         Stochastically{scratch->rounding});
}

// Arrays of a span or a chunk, each nullptr where there is none.
template <typename Theta, typename T>
struct Arrays {
  Theta* theta;  // the weights, or their masters
  T* weights;    // the roundings of masters
  T* plus;
  T* minus;

  Arrays At(int64_t i) const {
    return {theta + i, weights ? weights + i : nullptr,
            plus ? plus + i : nullptr, minus ? minus + i : nullptr};
  }
};

template <typename Theta, typename T>
void Perturb(const Direction& direction, float scale, const Piece& piece,
             const Arrays<Theta, T>& arrays, Scratch* scratch) {
  const Vec up = Broadcast(scale);
  const Vec down = Broadcast(-scale);
  EmitNoise(direction, piece, scratch->words, [=](int64_t j, Vec z) HWY_ATTR {
    const Vec theta = Load(arrays.theta + j);
    if (arrays.plus) Store(Fma(up, z, theta), arrays.plus + j);
    if (arrays.minus) Store(Fma(down, z, theta), arrays.minus + j);
  });
}

// What Apply is told but for the arrays.
struct Work {
  const TensorNoise& tensor;
  absl::Span<const ZerothOrderUpdate> updates;
  bool any_update;  // that is not skipped
  const Perturbation* perturbation;
};

// All of a chunk, or of the groups that the piece touches.
template <typename Theta, typename T>
void ApplyToChunk(const Work& work, const Piece& piece,
                  const Arrays<Theta, T>& arrays, Scratch* scratch) {
  for (const ZerothOrderUpdate& update : work.updates) {
    if (update.skipped) continue;
    UpdateRounded(work.tensor, update, piece, arrays.theta, scratch);
  }
  if (work.any_update && arrays.weights) {
    for (int64_t j = 0; j < kChunk; j += kLanes) {
      Store(Load(arrays.theta + j), arrays.weights + j);
    }
  }
  if (arrays.plus || arrays.minus) {
    const Perturbation& p = *work.perturbation;
    Perturb({work.tensor.direction, p.kind, p.step, p.direction}, p.scale,
            piece, arrays, scratch);
  }
}

// The caller has a piece of a chunk only: whole groups are worked on in memory
// of our own, and no loop has an end to treat.
template <typename Theta, typename T>
void ApplyToPiece(const Work& work, const Piece& piece,
                  const Arrays<Theta, T>& arrays, Scratch* scratch) {
  alignas(64) Theta theta[kChunk] = {};
  alignas(64) T weights[kChunk], plus[kChunk], minus[kChunk];
  const int64_t n = piece.end - piece.begin;
  std::copy_n(arrays.theta, n, theta + piece.begin);
  ApplyToChunk<Theta, T>(
      work, piece,
      {theta, arrays.weights ? weights : nullptr, arrays.plus ? plus : nullptr,
       arrays.minus ? minus : nullptr},
      scratch);
  const auto copy_back = [&piece, n](const auto* from, auto* to) {
    if (to) std::copy_n(from + piece.begin, n, to);
  };
  if (work.any_update) {
    copy_back(theta, arrays.theta);
    copy_back(weights, arrays.weights);
  }
  copy_back(plus, arrays.plus);
  copy_back(minus, arrays.minus);
}

template <typename Theta, typename T>
void ApplyTyped(const Work& work, const WeightSpan& span) {
  const bool has_master = span.master != nullptr;
  Arrays<Theta, T> all = {
      static_cast<Theta*>(has_master ? span.master : span.weights),
      has_master ? static_cast<T*>(span.weights) : nullptr, nullptr, nullptr};
  if (work.perturbation) {
    all.plus = static_cast<T*>(work.perturbation->plus);
    all.minus = static_cast<T*>(work.perturbation->minus);
  }
  Scratch scratch;
  ForEachPiece(span.first, span.size, [&](const Piece& piece, int64_t offset) {
    IsWhole(piece) ? ApplyToChunk(work, piece, all.At(offset), &scratch)
                   : ApplyToPiece(work, piece, all.At(offset), &scratch);
  });
}

void Apply(const TensorNoise& tensor,
           absl::Span<const ZerothOrderUpdate> updates, const WeightSpan& span,
           const Perturbation* perturbation) {
  CHECK(span.first >= 0 && span.size >= 0) << span.first << " " << span.size;
  CHECK(span.dtype == DType::kF32 || span.dtype == DType::kBF16);
  const bool any_update =
      std::any_of(updates.begin(), updates.end(),
                  [](const ZerothOrderUpdate& u) { return !u.skipped; });
  const Work work = {tensor, updates, any_update, perturbation};
  if (span.dtype == DType::kF32) {
    ApplyTyped<float, float>(work, span);
  } else if (span.master) {
    ApplyTyped<float, bf16>(work, span);
  } else {
    ApplyTyped<bf16, bf16>(work, span);
  }
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
