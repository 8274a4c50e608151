// Updates and perturbations against the arithmetic that zeroth_order.h states,
// element by element, to the last bit.

#include "runtime/optim/zeroth_order.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace perdure {
namespace {

// How a tensor's weights are held.
enum class Storage {
  kF32,
  kF32WithMaster,
  kBF16,
  kBF16Nearest,
  kBF16WithMaster
};
constexpr Storage kStorages[] = {Storage::kF32, Storage::kF32WithMaster,
                                 Storage::kBF16, Storage::kBF16Nearest,
                                 Storage::kBF16WithMaster};

bool IsF32(Storage s) {
  return s == Storage::kF32 || s == Storage::kF32WithMaster;
}
bool HasMaster(Storage s) {
  return s == Storage::kF32WithMaster || s == Storage::kBF16WithMaster;
}

TensorNoise NoiseOf(Storage storage, bool decays = true) {
  return {DirectionKey(11, "w"), RoundingKey(11, "w"), decays,
          storage == Storage::kBF16Nearest ? Rounding::kNearest
                                           : Rounding::kStochastic};
}

// The bytes of a value in the storage's dtype.
uint32_t Encode(Storage storage, float value) {
  return IsF32(storage) ? std::bit_cast<uint32_t>(value)
                        : uint32_t{bf16(value).bits};
}

// A piece of a tensor, and what is made of it: one integer per element.
struct Weights {
  Storage storage;
  int64_t first;
  std::vector<uint32_t> f32;  // or
  std::vector<uint16_t> b16;
  std::vector<float> master;

  Weights(Storage storage, int64_t first, int64_t size)
      : storage(storage), first(first) {
    for (int64_t i = first; i < first + size; ++i) {
      // Of the size of real weights, some of them 0; a function of i alone.
      const uint32_t word =
          Philox4x32({static_cast<uint32_t>(i), 1, 2, 3}, {4, 5})[0];
      Append(static_cast<float>(static_cast<int32_t>(word) % 997) * 0x1p-14f);
    }
  }

  void Append(float value) {
    if (IsF32(storage)) f32.push_back(Encode(storage, value));
    if (!IsF32(storage)) {
      b16.push_back(static_cast<uint16_t>(Encode(storage, value)));
    }
    if (HasMaster(storage)) master.push_back(value);
  }

  int64_t size() const { return static_cast<int64_t>(f32.size() + b16.size()); }
  void* data() {
    return IsF32(storage) ? static_cast<void*>(f32.data()) : b16.data();
  }
  uint32_t At(int64_t i) const { return IsF32(storage) ? f32[i] : b16[i]; }
  float Value(int64_t i) const {
    return std::bit_cast<float>(IsF32(storage) ? f32[i]
                                               : uint32_t{b16[i]} << 16);
  }
  WeightSpan Span() {
    return {first, size(), IsF32(storage) ? DType::kF32 : DType::kBF16, data(),
            HasMaster(storage) ? master.data() : nullptr};
  }
  // Elements [begin, begin + count).
  WeightSpan Part(int64_t begin, int64_t count) {
    WeightSpan span = Span();
    span.first += begin;
    span.size = count;
    span.weights =
        static_cast<char*>(span.weights) + begin * SizeOf(span.dtype);
    if (span.master) span.master += begin;
    return span;
  }
};

bool SameBits(const Weights& a, const Weights& b) {
  return a.f32 == b.f32 && a.b16 == b.b16 &&
         a.master.size() == b.master.size() &&
         (a.master.empty() ||
          std::memcmp(a.master.data(), b.master.data(),
                      a.master.size() * sizeof(float)) == 0);
}

std::vector<ZerothOrderUpdate> Updates(int count, int directions,
                                       NoiseKind kind = NoiseKind::kGaussian) {
  std::vector<ZerothOrderUpdate> updates;
  for (int t = 1; t <= count; ++t) {
    ZerothOrderUpdate update;
    update.step = 1000 + t;
    update.kind = kind;
    update.decay = 1 - 1e-3f / static_cast<float>(t);
    update.skipped = t % 4 == 3;
    for (int k = 0; k < directions; ++k) {
      update.coefficients.push_back(1e-3f / static_cast<float>(t + k) *
                                    (k % 2 == 0 ? 1 : -1));
    }
    updates.push_back(update);
  }
  return updates;
}

// zeroth_order.h, one element at a time.
float UpdatedValue(const TensorNoise& tensor, const ZerothOrderUpdate& update,
                   bool rounds, int64_t element, float theta) {
  float acc = 0;
  for (size_t k = 0; k < update.coefficients.size(); ++k) {
    const float z =
        NoiseAt({tensor.direction, update.kind,
                 static_cast<uint32_t>(update.step), static_cast<uint32_t>(k)},
                element);
    const float c = update.coefficients[k];
    acc = k == 0 ? c * z : std::fma(c, z, acc);
  }
  theta = std::fma(tensor.decays ? update.decay : 1.0f, theta, acc);
  if (!rounds) return theta;
  if (tensor.rounding_mode == Rounding::kNearest || !std::isfinite(theta)) {
    return static_cast<float>(bf16(theta));
  }
  const uint32_t bits =
      std::bit_cast<uint32_t>(theta) +
      RoundingBitsAt(tensor.rounding, static_cast<uint32_t>(update.step),
                     element);
  return std::bit_cast<float>(bits & 0xffff0000u);
}

struct Probe {
  Perturbation perturbation = {NoiseKind::kGaussian, 1005, 1, 1e-3f};
  std::vector<uint32_t> plus, minus;  // expected
};

void ReferenceApply(const TensorNoise& tensor,
                    const std::vector<ZerothOrderUpdate>& updates, Weights* w,
                    Probe* probe) {
  const bool rounds = !IsF32(w->storage) && !HasMaster(w->storage);
  for (int64_t i = 0; i < w->size(); ++i) {
    const int64_t element = w->first + i;
    float theta = HasMaster(w->storage) ? w->master[i] : w->Value(i);
    for (const ZerothOrderUpdate& update : updates) {
      if (update.skipped) continue;
      theta = UpdatedValue(tensor, update, rounds, element, theta);
    }
    if (HasMaster(w->storage)) w->master[i] = theta;
    if (IsF32(w->storage)) w->f32[i] = Encode(w->storage, theta);
    if (!IsF32(w->storage)) w->b16[i] = bf16(theta).bits;
    const Perturbation& p = probe->perturbation;
    const float z =
        NoiseAt({tensor.direction, p.kind, p.step, p.direction}, element);
    probe->plus.push_back(Encode(w->storage, std::fma(p.scale, z, theta)));
    probe->minus.push_back(Encode(w->storage, std::fma(-p.scale, z, theta)));
  }
}

struct Slice {
  int64_t first, size;
};
constexpr Slice kSlices[] = {
    {0, 0},       {0, 1},     {0, 2048},  {5, 100},
    {2000, 4200}, {4111, 15}, {77, 2049}, {(1ll << 34) - 33, 80}};

void ExpectReference(Storage storage, const Slice& slice, NoiseKind kind,
                     const ZerothOrderKernels& kernels) {
  const TensorNoise tensor = NoiseOf(storage);
  const std::vector<ZerothOrderUpdate> updates = Updates(5, 3, kind);
  Weights want(storage, slice.first, slice.size);
  Weights got = want, plus = want, minus = want;
  Probe probe;
  probe.perturbation.kind = kind;
  ReferenceApply(tensor, updates, &want, &probe);
  probe.perturbation.plus = plus.data();
  probe.perturbation.minus = minus.data();
  kernels.apply(tensor, updates, got.Span(), &probe.perturbation);
  EXPECT_TRUE(SameBits(got, want));
  for (int64_t i = 0; i < slice.size; ++i) {
    ASSERT_EQ(plus.At(i), probe.plus[i]) << i;
    ASSERT_EQ(minus.At(i), probe.minus[i]) << i;
  }
}

TEST(ZerothOrderTest, EveryInstructionSetHasTheBitsOfTheArithmetic) {
  for (const ZerothOrderKernels& kernels : AllZerothOrderKernels()) {
    for (const Storage storage : kStorages) {
      for (const Slice& slice : kSlices) {
        SCOPED_TRACE(std::string(kernels.isa) + ", storage " +
                     std::to_string(static_cast<int>(storage)) + ", first " +
                     std::to_string(slice.first));
        ExpectReference(storage, slice, NoiseKind::kGaussian, kernels);
        ExpectReference(storage, slice, NoiseKind::kRademacher, kernels);
      }
    }
  }
}

TEST(ZerothOrderTest, PartsInAnyCutHaveTheBitsOfTheWhole) {
  const std::vector<ZerothOrderUpdate> updates = Updates(3, 2);
  const auto& kernels = BestZerothOrderKernels();
  for (const Storage storage : kStorages) {
    const TensorNoise tensor = NoiseOf(storage);
    Weights whole(storage, 321, 20000);
    Weights parts = whole;
    kernels.apply(tensor, updates, whole.Span(), nullptr);
    int64_t begin = 0;
    for (int64_t count = 1; begin < parts.size(); count = count * 3 + 1) {
      const int64_t n = std::min(count, parts.size() - begin);
      kernels.apply(tensor, updates, parts.Part(begin, n), nullptr);
      begin += n;
    }
    EXPECT_TRUE(SameBits(whole, parts));
  }
}

TEST(ZerothOrderTest, ReplayOfFiftyStepsInOnePassIsFiftyPasses) {
  for (const Storage storage : kStorages) {
    for (const NoiseKind kind :
         {NoiseKind::kGaussian, NoiseKind::kRademacher}) {
      const std::vector<ZerothOrderUpdate> updates = Updates(50, 1, kind);
      const TensorNoise tensor = NoiseOf(storage);
      Weights once(storage, 100, 5000);
      Weights stepwise = once;
      const Weights before = once;
      for (const ZerothOrderUpdate& update : updates) {
        BestZerothOrderKernels().apply(tensor, {&update, 1}, stepwise.Span(),
                                       nullptr);
      }
      BestZerothOrderKernels().apply(tensor, updates, once.Span(), nullptr);
      EXPECT_TRUE(SameBits(once, stepwise));
      EXPECT_FALSE(SameBits(once, before));
    }
  }
}

TEST(ZerothOrderTest, PerturbationsAndSkippedStepsDoNotTouchTheWeights) {
  for (const Storage storage : kStorages) {
    Weights weights(storage, 9, 3000);
    // A weight that is not its master's rounding shows any write.
    if (HasMaster(storage)) {
      for (float& m : weights.master) m += 0.25f;
    }
    const Weights before = weights;
    Weights plus = weights, minus = weights;
    Probe probe;
    probe.perturbation.plus = plus.data();
    probe.perturbation.minus = minus.data();
    std::vector<ZerothOrderUpdate> skipped = Updates(1, 1);
    skipped[0].skipped = true;
    for (const ZerothOrderKernels& kernels : AllZerothOrderKernels()) {
      kernels.apply(NoiseOf(storage), skipped, weights.Span(),
                    &probe.perturbation);
      EXPECT_TRUE(SameBits(weights, before));
      EXPECT_FALSE(SameBits(plus, before));
      EXPECT_FALSE(SameBits(minus, before));
    }
  }
}

TEST(ZerothOrderTest, OneSignAloneIsMadeWhereOnlyItIsAskedFor) {
  for (const Storage storage : kStorages) {
    Weights weights(storage, 3, 500);
    Weights plus = weights, both = weights;
    Probe probe;
    probe.perturbation.plus = both.data();
    Weights minus = weights;
    probe.perturbation.minus = minus.data();
    const auto& kernels = BestZerothOrderKernels();
    kernels.apply(NoiseOf(storage), {}, weights.Span(), &probe.perturbation);
    probe.perturbation.minus = nullptr;
    probe.perturbation.plus = plus.data();
    kernels.apply(NoiseOf(storage), {}, weights.Span(), &probe.perturbation);
    EXPECT_TRUE(SameBits(plus, both));
    // The other sign of the scale is the other perturbation.
    probe.perturbation.scale *= -1;
    kernels.apply(NoiseOf(storage), {}, weights.Span(), &probe.perturbation);
    EXPECT_TRUE(SameBits(plus, minus));
  }
}

TEST(ZerothOrderTest, DecayIsForTensorsThatDecay) {
  ZerothOrderUpdate update;
  update.step = 1;
  update.coefficients = {0.0f};
  update.decay = 0.5f;
  for (const Storage storage : kStorages) {
    Weights stays(storage, 0, 100);
    Weights halves = stays;
    const Weights before = stays;
    const auto& kernels = BestZerothOrderKernels();
    kernels.apply(NoiseOf(storage, false), {&update, 1}, stays.Span(), nullptr);
    kernels.apply(NoiseOf(storage, true), {&update, 1}, halves.Span(), nullptr);
    for (int64_t i = 0; i < 100; ++i) {
      EXPECT_EQ(stays.Value(i), before.Value(i));
      EXPECT_EQ(halves.Value(i), before.Value(i) / 2);
    }
  }
}

TEST(ZerothOrderTest, BadNumbersStayBadAndDoNotSpread) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<ZerothOrderUpdate> updates = Updates(2, 2);
  for (const ZerothOrderKernels& kernels : AllZerothOrderKernels()) {
    for (const Storage storage : kStorages) {
      Weights clean(storage, 50, 64);
      Weights bad = clean;
      const float values[] = {NAN, inf, -inf};
      for (int64_t i = 0; i < 3; ++i) {
        const int64_t at = 7 + 16 * i;
        if (HasMaster(storage)) bad.master[at] = values[i];
        if (IsF32(storage)) bad.f32[at] = Encode(storage, values[i]);
        if (!IsF32(storage)) bad.b16[at] = bf16(values[i]).bits;
      }
      kernels.apply(NoiseOf(storage), updates, clean.Span(), nullptr);
      kernels.apply(NoiseOf(storage), updates, bad.Span(), nullptr);
      EXPECT_TRUE(std::isnan(bad.Value(7)));
      EXPECT_EQ(bad.Value(23), inf);
      EXPECT_EQ(bad.Value(39), -inf);
      for (int64_t i = 0; i < clean.size(); ++i) {
        if (i % 16 == 7 && i <= 39) continue;
        EXPECT_EQ(bad.At(i), clean.At(i)) << i;
      }
    }
  }
}

// A NaN whose low bits are all ones would become a zero by carry.
TEST(ZerothOrderTest, NanOfAllOnesSurvivesRounding) {
  for (const Storage storage : {Storage::kBF16, Storage::kBF16Nearest}) {
    for (const ZerothOrderKernels& kernels : AllZerothOrderKernels()) {
      Weights weights(storage, 0, 32);
      for (uint16_t& bits : weights.b16) bits = 0x7fff;
      kernels.apply(NoiseOf(storage), Updates(1, 1), weights.Span(), nullptr);
      for (int64_t i = 0; i < 32; ++i)
        EXPECT_TRUE(std::isnan(weights.Value(i)));
    }
  }
}

// Steps of a hundredth of a bf16 unit: nearest stalls, stochastic rounding
// moves by their sum on average.
TEST(ZerothOrderTest, SmallUpdatesVanishToNearestAndAddUpStochastically) {
  constexpr int64_t kSize = 1 << 16;
  constexpr int kSteps = 100;
  const float decay = 1 - 0x1p-7f / 100;  // of a weight of 1: down
  for (const Storage storage : {Storage::kBF16, Storage::kBF16Nearest}) {
    Weights weights(storage, 0, kSize);
    for (uint16_t& bits : weights.b16) bits = bf16(1.5f).bits;
    std::vector<ZerothOrderUpdate> updates(kSteps);
    for (int t = 0; t < kSteps; ++t) {
      updates[t].step = t + 1;
      updates[t].coefficients = {0.0f};
      updates[t].decay = decay;
    }
    BestZerothOrderKernels().apply(NoiseOf(storage), updates, weights.Span(),
                                   nullptr);
    double mean = 0;
    for (int64_t i = 0; i < kSize; ++i) mean += weights.Value(i);
    mean /= kSize;
    if (storage == Storage::kBF16Nearest) {
      EXPECT_EQ(mean, 1.5);
    } else {
      // 1.2 units of 2^-7 on average; each step has a variance below a quarter
      // of a unit's square.
      const double sigma = 0x1p-8 * std::sqrt(kSteps) / std::sqrt(kSize);
      EXPECT_NEAR(mean, 1.5 * std::pow(double{decay}, kSteps), 4 * sigma);
      EXPECT_LT(mean, 1.5 - 1e-2);
    }
  }
}

TEST(ZerothOrderTest, StepWithoutDirectionsOnlyDecays) {
  ZerothOrderUpdate update;
  update.step = 1;
  update.decay = 0.5f;
  Weights weights(Storage::kF32, 0, 40);
  const Weights before = weights;
  BestZerothOrderKernels().apply(NoiseOf(Storage::kF32), {&update, 1},
                                 weights.Span(), nullptr);
  for (int64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(weights.Value(i), before.Value(i) / 2);
  }
}

}  // namespace
}  // namespace perdure
