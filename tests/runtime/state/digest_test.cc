#include "runtime/state/digest.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/philox.h"

namespace perdure {
namespace {

const DType kSizes[] = {DType::kU8, DType::kBF16, DType::kF32, DType::kF64};

std::vector<char> RandomBytes(size_t size) {
  std::vector<char> bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>(
        Philox4x32({static_cast<uint32_t>(i), 0, 0, 0}, {3, 4})[0]);
  }
  return bytes;
}

// By the definition, one element at a time.
uint64_t Reference(DType dtype, const char* data, uint64_t begin, uint64_t n) {
  const auto size = static_cast<uint64_t>(SizeOf(dtype));
  uint64_t sum = 0;
  for (uint64_t i = 0; i < n; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, data + i * size, size);
    sum += Mix(begin + i, bits);
  }
  return sum;
}

TEST(DigestTest, KnownAnswers) {
  // Computed with Python's integers from the definition in the header.
  EXPECT_EQ(Mix(0, 0), 0x0201a866ef6f2cc0u);
  EXPECT_EQ(Mix(0, 1), 0x5ce2812518ef7718u);
  EXPECT_EQ(Mix(12345678901, 0x3f800000), 0x26bf6e15ca3f1278u);
  EXPECT_EQ(Mix(7, ~uint64_t{0}), 0x5a812a399f3b8758u);
}

TEST(DigestTest, VectorsAndScalarsAgreeAtEveryLengthAndAddress) {
  const std::vector<char> bytes = RandomBytes(4096);
  for (const DType dtype : kSizes) {
    const auto size = static_cast<uint64_t>(SizeOf(dtype));
    for (uint64_t n = 0; n < 200; ++n) {
      const uint64_t shift = n % 9;  // no alignment is asked for
      const uint64_t begin = n * 1000003;
      ASSERT_EQ(Digest(dtype, bytes.data() + shift, begin, n),
                Reference(dtype, bytes.data() + shift, begin, n))
          << size << " bytes, " << n << " elements";
    }
  }
}

TEST(DigestTest, ShardsAddUpInAnyOrder) {
  const std::vector<char> bytes = RandomBytes(6000);
  for (const DType dtype : kSizes) {
    const auto size = static_cast<uint64_t>(SizeOf(dtype));
    const uint64_t n = bytes.size() / size;
    const auto part = [&](uint64_t begin, uint64_t end) {
      return Digest(dtype, bytes.data() + begin * size, begin, end - begin);
    };
    const uint64_t whole = Digest(dtype, bytes.data(), 0, n);
    EXPECT_EQ(part(n / 3, n) + part(0, 17) + part(17, n / 3), whole);
  }
}

TEST(DigestTest, EveryBitAndEveryPlaceCounts) {
  std::vector<char> bytes = RandomBytes(512);
  const auto digest = [&] {
    return Digest(DType::kF32, bytes.data(), 0, bytes.size() / 4);
  };
  const uint64_t before = digest();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    ASSERT_NE(digest(), before) << "bit " << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
  for (size_t i = 4; i < bytes.size(); i += 4) {  // swapped elements
    std::swap_ranges(bytes.begin(), bytes.begin() + 4,
                     bytes.begin() + static_cast<ptrdiff_t>(i));
    ASSERT_NE(digest(), before) << "element " << i / 4;
    std::swap_ranges(bytes.begin(), bytes.begin() + 4,
                     bytes.begin() + static_cast<ptrdiff_t>(i));
  }
}

TEST(DigestTest, ZerosAreNotNothing) {
  const std::vector<char> zeros(64);
  EXPECT_NE(Digest(DType::kF32, zeros.data(), 0, 16), 0u);
  EXPECT_NE(Digest(DType::kF32, zeros.data(), 0, 16),
            Digest(DType::kF32, zeros.data(), 0, 15));
}

// Of tensors together: which name has which elements counts, cuts do not.
TEST(StateDigestTest, NamesCountAndCutsDoNot) {
  const std::vector<char> bytes = RandomBytes(400);
  const auto digest = [&](const std::string& name, int64_t at, int64_t begin,
                          int64_t end) {
    return StateDigest({name,
                        StateKind::kWeight,
                        DType::kF32,
                        {50},
                        begin,
                        end,
                        bytes.data() + (at + begin) * 4});
  };
  const uint64_t whole = digest("a", 0, 0, 50) + digest("b", 50, 0, 50);
  EXPECT_EQ(digest("b", 50, 20, 50) + digest("a", 0, 0, 7) +
                digest("a", 0, 7, 50) + digest("b", 50, 0, 20),
            whole);
  EXPECT_NE(digest("b", 0, 0, 50) + digest("a", 50, 0, 50), whole);
  // FNV-1a of "a" is 0xaf63dc4c8601ec8c.
  EXPECT_EQ(digest("a", 0, 0, 50),
            0xaf63dc4c8601ec8du * Digest(DType::kF32, bytes.data(), 0, 50));
}

}  // namespace
}  // namespace perdure
