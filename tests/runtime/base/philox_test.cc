#include "runtime/base/philox.h"

#include <set>

#include "gtest/gtest.h"

namespace perdure {
namespace {

// The known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(PhiloxTest, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                       {0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, KeysDifferBySeedStreamAndSalt) {
  std::set<PhiloxKey> keys;
  for (uint64_t seed : {0, 1}) {
    for (NoiseStream stream : {NoiseStream::kInit, NoiseStream::kDropout}) {
      for (uint64_t salt : {0, 1, 1 << 20}) {
        keys.insert(MakeKey(seed, stream, salt));
      }
    }
  }
  EXPECT_EQ(keys.size(), 12u);
}

TEST(PhiloxTest, UniformIsBelowOne) {
  EXPECT_EQ(UniformFromBits(0), 0.0f);
  EXPECT_LT(UniformFromBits(0xffffffff), 1.0f);
}

TEST(PhiloxTest, NameHashIsFnv1a) {
  EXPECT_EQ(NameHash("", 0), 0xcbf29ce484222325u);
  EXPECT_EQ(NameHash("a", 1), 0xaf63dc4c8601ec8cu);
}

}  // namespace
}  // namespace perdure
