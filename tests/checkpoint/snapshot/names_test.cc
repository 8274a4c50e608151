#include "checkpoint/snapshot/names.h"

#include "gtest/gtest.h"

namespace perdure {
namespace {

TEST(NamesTest, SnapshotNamesSortLikeSteps) {
  EXPECT_EQ(SnapshotName(1000), "step-000001000");
  EXPECT_EQ(ParseSnapshotName("step-000001000"), 1000);
  EXPECT_LT(SnapshotName(999), SnapshotName(1000));
}

TEST(NamesTest, StepsBeyondNineDigitsAreParsed) {
  EXPECT_EQ(ParseSnapshotName(SnapshotName(12345678901)), 12345678901);
}

TEST(NamesTest, OnlyCommittedNamesAreSnapshots) {
  for (const char* name :
       {"step-1", "step-", "step-00000100x", "step--00001000", "step-+00001000",
        ".step-000001000.g1.tmp", "bad-step-000001000", "step-000001000.tmp",
        ".trash-step-000001000", "journal", "",
        "step-99999999999999999999999"}) {
    EXPECT_EQ(ParseSnapshotName(name), std::nullopt) << name;
  }
}

TEST(NamesTest, TemporaryNamesTellStepAndGeneration) {
  const TemporaryId id{1000, 12};
  EXPECT_EQ(TemporaryName(id), ".step-000001000.g12.tmp");
  EXPECT_EQ(ParseTemporaryName(TemporaryName(id)), id);
}

TEST(NamesTest, OtherHiddenNamesAreNotTemporary) {
  for (const char* name :
       {"", ".tmp", ".g.tmp", ".step-000001000.tmp", ".step-000001000.g.tmp",
        "step-000001000.g1.tmp", ".step-000001000.g1", ".step-1.g1.tmp",
        ".step-000001000.gx.tmp", ".trash-step-000001000", ".g.tm.tmp"}) {
    EXPECT_EQ(ParseTemporaryName(name), std::nullopt) << name;
  }
}

TEST(NamesTest, BadAndTrashNamesAreNoSnapshots) {
  EXPECT_EQ(BadName(7, 1), "bad-step-000000007");
  EXPECT_EQ(BadName(7, 2), "bad-step-000000007.2");
  EXPECT_TRUE(IsTrashName(TrashName(SnapshotName(7))));
  EXPECT_FALSE(IsTrashName(SnapshotName(7)));
}

}  // namespace
}  // namespace perdure
