#include "checkpoint/snapshot/retention.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kFive = {
    "bad-step-000000050",    "step-000000100", "step-000000200",
    "step-000000300",        "step-000000400", "step-000000500",
    ".step-000000600.g1.tmp"};

TEST(RetentionTest, TheNewestStay) {
  EXPECT_THAT(
      SnapshotsToPrune(kFive, 500, {2, 0, {}}),
      ElementsAre("step-000000100", "step-000000200", "step-000000300"));
}

TEST(RetentionTest, MultiplesStayBesidesTheNewest) {
  EXPECT_THAT(SnapshotsToPrune(kFive, 500, {1, 200, {}}),
              ElementsAre("step-000000100", "step-000000300"));
}

TEST(RetentionTest, PinnedOnesStay) {
  EXPECT_THAT(SnapshotsToPrune(kFive, 500, {3, 0, {"step-000000100"}}),
              ElementsAre("step-000000200"));
}

TEST(RetentionTest, ZeroKeepsAll) {
  EXPECT_THAT(SnapshotsToPrune(kFive, 500, {0, 0, {}}), IsEmpty());
}

TEST(RetentionTest, FewerThanAllowedKeepsAll) {
  EXPECT_THAT(SnapshotsToPrune(kFive, 500, {5, 0, {}}), IsEmpty());
}

TEST(RetentionTest, TheOneJustWrittenStaysBelowAbandonedHigherOnes) {
  EXPECT_THAT(SnapshotsToPrune(kFive, 200, {2, 0, {}}),
              ElementsAre("step-000000100", "step-000000300"));
}

TEST(BestSnapshotsTest, TheLowestScoresWinAndTheNewerOfEqualOnes) {
  EXPECT_THAT(BestSnapshots({{"step-000000100", 3.0},
                             {"step-000000200", 1.0},
                             {"step-000000300", 2.0},
                             {"step-000000400", 2.0}},
                            2),
              ElementsAre("step-000000200", "step-000000400"));
}

TEST(BestSnapshotsTest, NotANumberIsNeverBest) {
  EXPECT_THAT(
      BestSnapshots({{"step-000000100", std::nan("")}, {"step-000000200", 5.0}},
                    2),
      ElementsAre("step-000000200"));
}

TEST(BestSnapshotsTest, NoneAreAskedFor) {
  EXPECT_THAT(BestSnapshots({{"step-000000100", 1.0}}, 0), IsEmpty());
}

}  // namespace
}  // namespace perdure
