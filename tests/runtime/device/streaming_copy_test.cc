#include "runtime/device/streaming_copy.h"

#include <vector>

#include "gtest/gtest.h"

namespace perdure {
namespace {

TEST(StreamingCopyTest, AnyLengthFromAndToAnyAddressAndNothingBesides) {
  constexpr size_t kMost = 300;
  std::vector<uint8_t> source(kMost + 64);
  for (size_t i = 0; i < source.size(); ++i) {
    source[i] = static_cast<uint8_t>(i * 7 + 1);
  }
  for (size_t bytes = 0; bytes <= kMost; ++bytes) {
    for (const size_t from : {0, 1, 33}) {
      for (const size_t to : {0, 1, 31, 63}) {
        std::vector<uint8_t> target(kMost + 128, 0);
        std::vector<uint8_t> expected = target;
        std::copy_n(source.begin() + from, bytes, expected.begin() + to);
        StreamingCopy(target.data() + to, source.data() + from, bytes);
        ASSERT_EQ(target, expected) << bytes << " " << from << " " << to;
      }
    }
  }
}

}  // namespace
}  // namespace perdure
