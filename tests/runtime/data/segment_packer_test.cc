#include "runtime/data/segment_packer.h"

#include <algorithm>
#include <numeric>

#include "gtest/gtest.h"
#include "runtime/base/philox.h"

namespace perdure {
namespace {

// Lengths from 1 to `most`, some of them equal to it.
std::vector<int64_t> Lengths(uint32_t seed, int64_t count, int64_t most) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < count; ++i) {
    const auto bits =
        Philox4x32({static_cast<uint32_t>(i), 0, 0, 0}, {seed, 0});
    lengths.push_back(1 + bits[0] % static_cast<uint32_t>(most));
  }
  return lengths;
}

TEST(SegmentPackerTest, FirstRowWithRoomTakesASegment) {
  const Packing packing = PackSegments({5, 8, 3, 2, 6, 2}, 100, true);
  EXPECT_EQ(packing.tokens, 8);
  EXPECT_EQ(packing.rows, 4);
  const std::vector<std::pair<int64_t, int64_t>> want = {
      {0, 0}, {1, 0}, {0, 5}, {2, 0}, {2, 2}, {3, 0}};
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(packing.places[i].row, want[i].first) << i;
    EXPECT_EQ(packing.places[i].begin, want[i].second) << i;
  }
}

TEST(SegmentPackerTest, WithoutSharingEachSegmentHasARow) {
  const Packing packing = PackSegments({1, 2, 3}, 100, false);
  EXPECT_EQ(packing.rows, 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(packing.places[i].row, i);
    EXPECT_EQ(packing.places[i].begin, 0);
  }
}

TEST(SegmentPackerTest, RowsAreMultiplesOfEightUpToTheSequenceLength) {
  EXPECT_EQ(PackedTokens(1, 100), 8);
  EXPECT_EQ(PackedTokens(16, 100), 16);
  EXPECT_EQ(PackedTokens(17, 20), 20);
  EXPECT_EQ(PackedTokens(20, 20), 20);
}

TEST(SegmentPackerTest, NothingIsPackedIntoNothing) {
  EXPECT_EQ(PackSegments({}, 100, true).rows, 0);
}

TEST(SegmentPackerTest, SegmentsNeitherOverlapNorLeaveTheirRow) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const std::vector<int64_t> lengths = Lengths(seed, 40, 1 + seed);
    const Packing packing = PackSegments(lengths, 50, true);
    std::vector<int> taken(packing.rows * packing.tokens, 0);
    for (size_t i = 0; i < lengths.size(); ++i) {
      const Packing::Place& place = packing.places[i];
      ASSERT_LE(place.begin + lengths[i], packing.tokens);
      for (int64_t t = 0; t < lengths[i]; ++t) {
        ++taken[place.row * packing.tokens + place.begin + t];
      }
    }
    EXPECT_LE(*std::max_element(taken.begin(), taken.end()), 1);
  }
}

TEST(SegmentPackerTest, BoundHoldsForManyBatches) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const int64_t count = 1 + seed % 30;
    const std::vector<int64_t> lengths = Lengths(seed, count, 1 + seed);
    const int64_t total = std::accumulate(lengths.begin(), lengths.end(), 0L);
    const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    for (const bool share : {false, true}) {
      const Packing packing = PackSegments(lengths, 300, share);
      const int64_t bound = MostPackedTokens(count, total, longest, 300, share);
      EXPECT_LE(packing.rows * packing.tokens, bound);
      EXPECT_LE(bound, count * packing.tokens);
    }
  }
}

}  // namespace
}  // namespace perdure
