#include "runtime/metrics/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace perdure {
namespace {

// Vectors of RFC 3720, B.4, and the check value of the CRC catalogues.
TEST(Crc32cTest, PublishedVectors) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending.push_back(static_cast<char>(i));
  EXPECT_EQ(Crc32c(ascending), 0x46DD794Eu);
  EXPECT_EQ(Crc32c(std::string(ascending.rbegin(), ascending.rend())),
            0x113FDB5Cu);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
}

// Every TensorBoard file of a first record of 24 bytes begins with these
// twelve: the length and its masked CRC, as TensorFlow writes them.
TEST(Crc32cTest, MaskOfTheLengthInEveryTensorBoardFile) {
  const std::string length("\x18\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(MaskedCrc32c(length), 0x224B7FA3u);
}

}  // namespace
}  // namespace perdure
