#include "launcher/control/datagram.h"

#include <gtest/gtest.h>

namespace perdure {
namespace {

JobKey KeyOf(char digit) { return *JobKey::FromHex(std::string(64, digit)); }

TEST(DatagramTest, SealIsTheTruncatedHmacOfRfc4231) {
  // Test case 1 has a key of 20 bytes. HMAC pads keys with zeros, so 12 more of
  // them make no other key.
  std::string hex;
  for (int i = 0; i < 20; ++i) hex += "0b";
  const JobKey key = *JobKey::FromHex(hex + std::string(24, '0'));
  const std::string sealed = Seal(key, "Hi There");
  const unsigned char expected[16] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb,
                                      0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce,
                                      0xaf, 0x0b, 0xf1, 0x2b};
  EXPECT_EQ(sealed.substr(4, 16),
            std::string(reinterpret_cast<const char*>(expected), 16));
}

TEST(DatagramTest, OpensUnderItsKeyOnly) {
  const std::string sealed = Seal(KeyOf('a'), "payload");
  EXPECT_EQ(Unseal(KeyOf('a'), sealed), "payload");
  EXPECT_EQ(Unseal(KeyOf('b'), sealed), std::nullopt);
}

TEST(DatagramTest, WhatIsSentBackDoesNotOpen) {
  const JobKey key = KeyOf('a');
  const std::string beat = Seal(key, "payload", Towards::kSupervisor);
  const std::string answer = Seal(key, "payload", Towards::kRank);
  EXPECT_EQ(Unseal(key, beat, Towards::kRank), std::nullopt);
  EXPECT_EQ(Unseal(key, answer, Towards::kSupervisor), std::nullopt);
  EXPECT_EQ(Unseal(key, answer, Towards::kRank), "payload");
}

TEST(DatagramTest, AnyFlippedBitIsNoticed) {
  const std::string sealed = Seal(KeyOf('1'), "step 12");
  for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    std::string damaged = sealed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(Unseal(KeyOf('1'), damaged), std::nullopt) << "bit " << bit;
  }
}

TEST(DatagramTest, CutAndOversizedOnesAreDropped) {
  const std::string sealed = Seal(KeyOf('1'), "step 12");
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(Unseal(KeyOf('1'), sealed.substr(0, size)), std::nullopt);
  }
  EXPECT_EQ(
      Unseal(KeyOf('1'), Seal(KeyOf('1'), std::string(kLargestDatagram, 'x'))),
      std::nullopt);
}

TEST(JobKeyTest, RandomOnesDifferAndSurviveHex) {
  const JobKey key = *JobKey::Random();
  EXPECT_NE(key.bytes(), JobKey::Random()->bytes());
  EXPECT_EQ(JobKey::FromHex(key.ToHex())->bytes(), key.bytes());
  EXPECT_FALSE(JobKey::FromHex("12").ok());
  EXPECT_FALSE(JobKey::FromHex(std::string(64, 'g')).ok());
}

}  // namespace
}  // namespace perdure
