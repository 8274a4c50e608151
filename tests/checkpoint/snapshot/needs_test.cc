// What is needed, against a map of every single byte.

#include "checkpoint/snapshot/needs.h"

#include <map>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using testing::ElementsAre;

// How often each (file, byte) is needed.
std::map<std::pair<uint64_t, uint64_t>, int> Count(
    const std::vector<Need>& needs) {
  std::map<std::pair<uint64_t, uint64_t>, int> count;
  for (const auto& [file, rows] : needs) {
    for (uint64_t row = 0; row < rows.rows; ++row) {
      for (uint64_t i = 0; i < rows.bytes; ++i) {
        ++count[{file, rows.BeginOf(row) + i}];
      }
    }
  }
  return count;
}

TEST(FileRowsTest, RowsInARangeAreThoseWithBytesThere) {
  for (const FileRows& rows :
       {FileRows{5, 3, 4, 7}, FileRows{5, 3, 4, 3}, FileRows{5, 3, 1, 0}}) {
    for (uint64_t from = 0; from < 40; ++from) {
      for (uint64_t to = 0; to < 40; ++to) {
        std::vector<uint64_t> expected;
        for (uint64_t row = 0; row < rows.rows; ++row) {
          bool meets = false;
          for (uint64_t i = 0; i < rows.bytes; ++i) {
            const uint64_t at = rows.begin + row * rows.stride + i;
            meets |= at >= from && at < to;
          }
          if (meets) expected.push_back(row);
        }
        const auto [first, last] = rows.RowsIn(from, to);
        std::vector<uint64_t> found;
        for (uint64_t row = first; row < last; ++row) found.push_back(row);
        ASSERT_EQ(found, expected) << rows.stride << " " << from << " " << to;
      }
    }
  }
}

TEST(NeedsTest, ColumnsSideBySideAreOneRange) {
  EXPECT_THAT(Unite({{0, {20, 10, 5, 20}}, {0, {10, 10, 5, 20}}}),
              ElementsAre(Need{0, {10, 100, 1, 0}}));
  // Also with what lies before and behind them.
  EXPECT_THAT(Unite({{0, {110, 5}},
                     {0, {20, 10, 5, 20}},
                     {0, {3, 7}},
                     {0, {10, 10, 5, 20}},
                     {1, {115, 5}}}),
              ElementsAre(Need{0, {3, 112, 1, 0}}, Need{1, {115, 5, 1, 0}}));
}

TEST(NeedsTest, TheSameColumnsAreNeededOnce) {
  EXPECT_THAT(Unite({{0, {10, 8, 5, 20}}, {0, {10, 8, 5, 20}}}),
              ElementsAre(Need{0, {10, 8, 5, 20}}));
  EXPECT_THAT(
      Unite({{0, {10, 8, 5, 20}}, {0, {14, 8, 5, 20}}, {0, {25, 4, 5, 20}}}),
      ElementsAre(Need{0, {10, 12, 5, 20}}, Need{0, {25, 4, 5, 20}}));
}

TEST(NeedsTest, AnyRowsAreUnitedByteForByte) {
  std::mt19937 random(1);
  const auto below = [&](uint64_t n) { return random() % n; };
  for (int round = 0; round < 2000; ++round) {
    std::vector<Need> needs;
    const uint64_t stride = 1 + below(20);
    for (uint64_t i = below(6); i > 0; --i) {
      FileRows rows;
      rows.begin = below(60);
      rows.stride = below(4) == 0 ? 1 + below(20) : stride;
      rows.bytes = 1 + below(rows.stride);
      rows.rows = below(3) == 0 ? 1 + below(8) : 4;
      if (rows.rows == 1) rows.stride = 0;
      needs.push_back({below(2), rows});
    }
    const auto wanted = Count(needs);
    const std::vector<Need> united = Unite(needs);
    const auto found = Count(united);
    ASSERT_EQ(found.size(), wanted.size()) << round;
    for (const auto& [byte, times] : found) {
      ASSERT_TRUE(wanted.contains(byte)) << round;
      ASSERT_EQ(times, 1) << round;
    }
    ASSERT_TRUE(std::is_sorted(united.begin(), united.end(),
                               [](const Need& a, const Need& b) {
                                 return std::pair(a.file, a.rows.begin) <
                                        std::pair(b.file, b.rows.begin);
                               }));
  }
}

}  // namespace
}  // namespace perdure
