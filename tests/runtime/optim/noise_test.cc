// The noise against docs/noise.md, whose page and whose Python reading
// (tests/peers/noise_vectors.py) have the same known answers.

#include "runtime/optim/noise.h"

#include <bit>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "runtime/optim/box_muller.h"
#include "runtime/optim/zeroth_order.h"

namespace perdure {
namespace {

constexpr char kW[] = "transformer.wte.weight";
constexpr char kQ[] = "model.decoder.layers.3.self_attn.q_proj.weight";

struct KnownNoise {
  NoiseKind kind;
  uint64_t seed;
  const char* name;
  uint32_t step, direction;
  int64_t element;
  uint32_t bits;
};

constexpr NoiseKind kG = NoiseKind::kGaussian;
constexpr NoiseKind kR = NoiseKind::kRademacher;
constexpr KnownNoise kKnownNoise[] = {
    {kG, 1, kW, 1, 0, 0, 0xbfa789c0},
    {kG, 1, kW, 1, 0, 1, 0xbfedb91a},
    {kG, 1, kW, 1, 0, 16, 0x3f21fac4},
    {kG, 1, kW, 1, 0, 32, 0xbfb385a5},
    {kG, 1, kW, 1, 0, 48, 0x3fe70775},
    {kG, 1, kW, 1, 0, 63, 0x3f53ea76},
    {kG, 1, kW, 1, 0, 64, 0xbed92b84},
    {kG, 1, kW, 1, 1, 0, 0x3f5fa216},
    {kG, 1, kW, 2, 0, 0, 0xbfa5f0a5},
    {kG, 1099511627783, kQ, 123456, 3, 38597375, 0x3ead1bdb},
    {kG, 1, kQ, 1, 0, 68719476741, 0x3fb50b2e},
    {kR, 1, kW, 1, 0, 0, 0xbf800000},
    {kR, 1, kW, 1, 0, 31, 0x3f800000},
    {kR, 1, kW, 1, 0, 32, 0xbf800000},
    {kR, 1, kW, 1, 0, 127, 0xbf800000},
    {kR, 1, kW, 1, 0, 128, 0xbf800000},
    {kR, 1, kW, 1, 0, 2199023255629, 0x3f800000}};

struct KnownRounding {
  uint64_t seed;
  const char* name;
  uint32_t step;
  int64_t element;
  uint32_t bits;
};

constexpr KnownRounding kKnownRounding[] = {
    {1, kW, 1, 0, 0xf8d3},   {1, kW, 1, 15, 0x9a7a},
    {1, kW, 1, 16, 0x89e2},  {1, kW, 1, 127, 0xdd1f},
    {1, kW, 1, 128, 0x9fe1}, {1, kQ, 2147483649, 68719476741, 0xc202}};

Direction DirectionOf(const KnownNoise& known) {
  return {DirectionKey(known.seed, known.name), known.kind, known.step,
          known.direction};
}

std::string Page() {
  std::ifstream file(std::string(PERDURE_SOURCE_DIR) + "/docs/noise.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(NoiseTest, KnownAnswers) {
  for (const KnownNoise& known : kKnownNoise) {
    const float z = NoiseAt(DirectionOf(known), known.element);
    EXPECT_EQ(std::bit_cast<uint32_t>(z), known.bits) << known.element;
  }
  for (const KnownRounding& known : kKnownRounding) {
    EXPECT_EQ(RoundingBitsAt(RoundingKey(known.seed, known.name), known.step,
                             known.element),
              known.bits)
        << known.element;
  }
}

TEST(NoiseTest, KnownAnswersOfEveryInstructionSet) {
  for (const ZerothOrderKernels& kernels : AllZerothOrderKernels()) {
    for (const KnownNoise& known : kKnownNoise) {
      float z = 0;
      kernels.fill(DirectionOf(known), known.element, 1, &z);
      EXPECT_EQ(std::bit_cast<uint32_t>(z), known.bits)
          << kernels.isa << " " << known.element;
    }
  }
}

TEST(NoiseTest, ThePageHasTheSameAnswers) {
  const std::string page = Page();
  for (const KnownNoise& known : kKnownNoise) {
    const std::string row = absl::StrFormat(
        "| %s | %d | `%s` | %d | %d | %d | 0x%08x |",
        known.kind == kG ? "gaussian" : "rademacher", known.seed, known.name,
        known.step, known.direction, known.element, known.bits);
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
  for (const KnownRounding& known : kKnownRounding) {
    const std::string row = absl::StrFormat(
        "| rounding | %d | `%s` | %d | 0 | %d | 0x%04x |", known.seed,
        known.name, known.step, known.element, known.bits);
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
}

// The words whose uniform numbers, exponents or angles are extreme, and many
// ordinary ones.
std::vector<uint32_t> Words() {
  std::vector<uint32_t> words = {
      0,          1,          2,          0xffffffff, 0x7fffffff, 0x80000000,
      0x80000001, 0x7fffff80, 0x5a827999, 0x5a82799a, 0x40000000, 0xc0000000};
  for (uint32_t i = 0; i < 1500; ++i) {
    words.push_back(Philox4x32({i, 0, 0, 0}, {7, 7})[0] >> (i % 3 * i % 31));
  }
  return words;
}

TEST(NoiseTest, NormalNumbersAreThoseOfBoxMullerInDoublePrecision) {
  const std::vector<uint32_t> words = Words();
  double worst = 0;
  for (uint32_t a : words) {
    const double u =
        std::fma(std::fabs(static_cast<float>(static_cast<int32_t>(a))),
                 0x1p-31f, 0x1p-33f);
    const double radius = std::sqrt(-2 * std::log(u));
    const double side = a >> 31 != 0 ? -1 : 1;
    for (uint32_t b : words) {
      const double angle =
          static_cast<float>(static_cast<int32_t>(b)) * 0x1p-32 * M_PI;
      const NormalPair pair = BoxMuller(a, b);
      worst = std::max(
          worst, std::fabs(pair.cosine - side * radius * std::cos(angle)));
      worst = std::max(worst, std::fabs(pair.sine - radius * std::sin(angle)));
    }
  }
  EXPECT_LE(worst, 1.5e-6);
}

TEST(NoiseTest, TheLargestNumberIsNearSevenAndTheSmallestRadiusIsZero) {
  EXPECT_NEAR(NormalRadius(0), 6.7638, 1e-4);
  EXPECT_EQ(NormalRadius(0x7fffffff), 0.0f);
  EXPECT_EQ(NormalRadius(0x80000000), 0.0f);
}

struct Slice {
  int64_t first, size;
};

// Around the borders of words, groups, chunks and of 2^32 counters.
constexpr Slice kSlices[] = {{0, 1},
                             {0, 64},
                             {1, 63},
                             {15, 2},
                             {63, 2},
                             {5, 100},
                             {127, 129},
                             {130, 1000},
                             {2047, 1},
                             {2047, 2},
                             {2000, 5000},
                             {2048, 2048},
                             {4096, 77},
                             {12345, 4321},
                             {1ll << 34, 300},
                             {(1ll << 34) - 9, 40},
                             {(1ll << 39) - 100, 200},
                             {(1ll << 45) + 3, 50}};

TEST(NoiseTest, EverySliceOnEveryInstructionSetHasTheBitsOfTheDefinition) {
  for (NoiseKind kind : {kG, kR}) {
    const Direction direction = {DirectionKey(3, kW), kind, 17, 2};
    for (const Slice& slice : kSlices) {
      std::vector<uint32_t> want;
      for (int64_t i = 0; i < slice.size; ++i) {
        want.push_back(
            std::bit_cast<uint32_t>(NoiseAt(direction, slice.first + i)));
      }
      for (const ZerothOrderKernels& kernels : AllZerothOrderKernels()) {
        // Neighbours in memory are not touched.
        std::vector<float> out(static_cast<size_t>(slice.size + 2), 42.0f);
        kernels.fill(direction, slice.first, slice.size, out.data() + 1);
        EXPECT_EQ(out.front(), 42.0f);
        EXPECT_EQ(out.back(), 42.0f);
        for (size_t i = 0; i < want.size(); ++i) {
          ASSERT_EQ(std::bit_cast<uint32_t>(out[i + 1]), want[i])
              << kernels.isa << ", element " << slice.first << " + " << i;
        }
      }
    }
  }
}

TEST(NoiseTest, InstructionSetsComeScalarFirst) {
  const std::vector<ZerothOrderKernels> all = AllZerothOrderKernels();
  ASSERT_FALSE(all.empty());
  EXPECT_STREQ(all.front().isa, "scalar");
  EXPECT_STREQ(BestZerothOrderKernels().isa, all.back().isa);
}

TEST(NoiseTest, SeedNameStepIndexAndStreamAllMatter) {
  std::set<float> seen;
  std::set<PhiloxKey> keys;
  for (uint64_t seed : {1ull, 2ull, 1ull << 32}) {
    for (const char* name : {kW, kQ, ""}) {
      keys.insert(DirectionKey(seed, name));
      keys.insert(RoundingKey(seed, name));
      for (uint32_t step : {1, 2}) {
        for (uint32_t index : {0, 1}) {
          seen.insert(NoiseAt({DirectionKey(seed, name), kG, step, index}, 0));
        }
      }
    }
  }
  EXPECT_EQ(keys.size(), 18u);
  EXPECT_EQ(seen.size(), 36u);
}

}  // namespace
}  // namespace perdure
