#include "parallel/engine/even_loads.h"

#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using testing::ElementsAre;

TEST(LevelLoadsTest, TheLeastLoadedAreFilledUpFirst) {
  EXPECT_THAT(LevelLoads({10, 0, 4}, 8), ElementsAre(0, 6, 2));
}

TEST(LevelLoadsTest, EqualLoadsGetEqualParts) {
  EXPECT_THAT(LevelLoads({5, 5, 5}, 9), ElementsAre(3, 3, 3));
}

TEST(LevelLoadsTest, WhatDoesNotDivideIsNotLost) {
  for (int64_t bytes = 0; bytes < 50; ++bytes) {
    const std::vector<int64_t> parts = LevelLoads({7, 0, 3, 3}, bytes);
    EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), int64_t{0}), bytes);
  }
}

std::vector<std::pair<int64_t, int64_t>> Ranges(
    const std::vector<LinePart>& parts) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const LinePart& part : parts) ranges.emplace_back(part.begin, part.end);
  return ranges;
}

TEST(CutLineTest, RowsStayWhole) {
  // 10 rows of 7 elements of 4 bytes, for three holders.
  const std::vector<LineRun> line = {{0, 0, 70, 7, 4}};
  const auto parts = CutLine(line, {94, 93, 93});
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_THAT(Ranges(parts[0]), ElementsAre(std::pair(0, 21)));
  EXPECT_THAT(Ranges(parts[1]), ElementsAre(std::pair(21, 49)));
  EXPECT_THAT(Ranges(parts[2]), ElementsAre(std::pair(49, 70)));
}

TEST(CutLineTest, LongRunsAreCutAtPagesOfTheirTensor) {
  const std::vector<LineRun> line = {{0, 0, 1000000, 1, 4}};
  const auto parts = CutLine(line, {1234567, 2765433});
  ASSERT_EQ(parts[0].size(), 1u);
  EXPECT_EQ(parts[0][0].end % 1024, 0);
  EXPECT_NEAR(static_cast<double>(parts[0][0].bytes), 1234567.0, 2048.0);
  EXPECT_EQ(parts[1][0].begin, parts[0][0].end);
  EXPECT_EQ(parts[1][0].end, 1000000);
}

TEST(CutLineTest, ManySmallRunsGoToOneHolderTogether) {
  std::vector<LineRun> line;
  for (uint32_t i = 0; i < 8; ++i) line.push_back({i, 0, 16, 1, 4});
  const auto parts = CutLine(line, {256, 256});
  ASSERT_EQ(parts[0].size(), 4u);
  ASSERT_EQ(parts[1].size(), 4u);
  EXPECT_EQ(parts[0][3].tensor, 3u);
  EXPECT_EQ(parts[1][0].tensor, 4u);
}

TEST(CutLineTest, AHolderThatIsToGetNothingGetsNothing) {
  const std::vector<LineRun> line = {{0, 0, 16, 1, 4}};
  const auto parts = CutLine(line, {0, 64, 0});
  EXPECT_TRUE(parts[0].empty());
  EXPECT_THAT(Ranges(parts[1]), ElementsAre(std::pair(0, 16)));
  EXPECT_TRUE(parts[2].empty());
}

}  // namespace
}  // namespace perdure
