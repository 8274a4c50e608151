// Every node has a directory of its own, and its neighbour's file as well: what
// is left of the nodes is enough, or it is said that it is not.

#include <algorithm>

#include "checkpoint/format/forwarding_storage.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/checkpoint/snapshot/nodes_fixture.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A disk that turns out to be full.
class FullStorage : public ForwardingStorage {
 public:
  explicit FullStorage(std::unique_ptr<Storage> real)
      : ForwardingStorage(*real), real_(std::move(real)) {}
  absl::StatusOr<uint64_t> FreeBytes(absl::string_view) override {
    return 1000;
  }

 private:
  const std::unique_ptr<Storage> real_;
};

class NodeDirectoriesTest : public NodesTest {};

TEST_F(NodeDirectoriesTest, EveryNodeHasItsFileItsNeighboursAndTheManifest) {
  const auto reports = Save({TinyRun(1)});
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(reports[0].status.ok()) << reports[0].status;
  for (int node = 0; node < 3; ++node) {
    std::vector<std::string> names = {"MANIFEST.pb", kConfigName,
                                      NodeFileName(node),
                                      NodeFileName((node + 2) % 3)};
    std::sort(names.begin(), names.end());
    EXPECT_EQ(*ListDirectory(StepPath(NodeRun(node), 1)), names);
    EXPECT_TRUE(*ReadFile(NodeFile(node, 1, node)) ==
                *ReadFile(NodeFile((node + 1) % 3, 1, node)));
  }
}

TEST_F(NodeDirectoriesTest, TogetherTheyAreAWholeSnapshot) {
  Save({TinyRun(1)}, /*copies=*/false);
  const std::string whole = StepPath(NodeRun(0), 1);
  for (int node = 1; node < 3; ++node) {
    ASSERT_TRUE(WriteFileAtomically(JoinPath(whole, NodeFileName(node)),
                                    *ReadFile(NodeFile(node, 1, node)))
                    .ok());
  }
  auto snapshot = Snapshot::Open(whole);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE((*snapshot)->Verify({}).ok());
  state_.ExpectIn(**snapshot);
}

TEST_F(NodeDirectoriesTest, WithoutCopiesAllNodesAreNeededAndEnough) {
  Save({TinyRun(1)}, /*copies=*/false);
  LoadReport report;
  const absl::Status loaded = Load({0, 1, 2}, 1, &report);
  EXPECT_TRUE(loaded.ok()) << loaded;
  EXPECT_THAT(report.warnings, IsEmpty());
  const absl::Status lost = Load({0, 2}, 1);
  EXPECT_TRUE(absl::IsDataLoss(lost)) << lost;
  EXPECT_THAT(std::string(lost.message()), HasSubstr("node-00001.h5"));
}

TEST_F(NodeDirectoriesTest, AnyOneNodeCanBeLost) {
  Save({TinyRun(1)});
  for (const std::vector<int>& left :
       std::vector<std::vector<int>>{{1, 2}, {2, 0}, {0, 1}, {0, 1, 2}}) {
    const absl::Status loaded = Load(left, 1);
    EXPECT_TRUE(loaded.ok()) << loaded;
  }
}

TEST_F(NodeDirectoriesTest, ANodeWithAManifestOnlyIsServedByTheOthers) {
  Save({TinyRun(1)});
  ASSERT_TRUE(RemoveTree(NodeFile(1, 1, 1)).ok());
  ASSERT_TRUE(RemoveTree(NodeFile(1, 1, 0)).ok());
  const absl::Status loaded = Load({0, 1, 2}, 1);
  EXPECT_TRUE(loaded.ok()) << loaded;
}

TEST_F(NodeDirectoriesTest, OfTwoNeighboursLostTheFileOfOneIsMissed) {
  Save({TinyRun(1)});
  // Node 1 keeps its own file and that of node 0.
  const absl::Status loaded = Load({1}, 1);
  EXPECT_TRUE(absl::IsDataLoss(loaded)) << loaded;
  EXPECT_THAT(std::string(loaded.message()), HasSubstr("node-00002.h5"));
}

TEST_F(NodeDirectoriesTest, OfADamagedFileTheOtherCopyIsTaken) {
  Save({TinyRun(1)});
  Flip(NodeFile(1, 1, 1));
  LoadReport report;
  const absl::Status loaded = Load({0, 1, 2}, 1, &report);
  EXPECT_TRUE(loaded.ok()) << loaded;
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_THAT(report.warnings[0], HasSubstr(NodeFile(1, 1, 1)));
}

TEST_F(NodeDirectoriesTest, WithBothCopiesDamagedTheSnapshotIs) {
  Save({TinyRun(1)});
  Flip(NodeFile(1, 1, 1));
  Flip(NodeFile(2, 1, 1));
  const absl::Status loaded = Load({0, 1, 2}, 1);
  EXPECT_TRUE(absl::IsDataLoss(loaded)) << loaded;
  EXPECT_THAT(std::string(loaded.message()), HasSubstr("node-00001.h5"));
}

TEST_F(NodeDirectoriesTest, TheTwoNewestStay) {
  Save({TinyRun(1), TinyRun(2), TinyRun(3)});
  for (int node = 0; node < 3; ++node) {
    EXPECT_THAT(SnapshotNames(NodeRun(node)),
                ElementsAre(SnapshotName(2), SnapshotName(3)));
  }
}

TEST_F(NodeDirectoriesTest, AFullDiskOfOneNodeLeavesTheSnapshotBefore) {
  Save({TinyRun(1)});
  const auto reports = Save({TinyRun(2)}, true,
                            std::make_shared<FullStorage>(MakePosixStorage()));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(absl::IsAborted(reports[0].status)) << reports[0].status;
  EXPECT_THAT(std::string(reports[0].status.message()),
              HasSubstr("free some space"));
  for (int node = 0; node < 3; ++node) {
    EXPECT_THAT(SnapshotNames(NodeRun(node)), ElementsAre(SnapshotName(1)));
  }
}

TEST_F(NodeDirectoriesTest, WhatAnAbandonedLaunchLeftGoesAndANewersStays) {
  // Generation 2 goes on from step 3 of generation 1, which had got to step 9;
  // and generation 5 is alive.
  Save({TinyRun(3, 1), TinyRun(9, 1)});
  Save({TinyRun(20, 5)});
  RunState run = TinyRun(4, 2);
  run.fork_step = 3;
  ASSERT_TRUE(CreateDirectories(
                  JoinPath(NodeRun(0), "snapshots/.step-000000008.g1.tmp"))
                  .ok());
  Save({run});
  EXPECT_THAT(SnapshotNames(NodeRun(0)),
              ElementsAre(SnapshotName(4), SnapshotName(20)));
}

TEST_F(NodeDirectoriesTest, ASnapshotOfAnotherRunGoes) {
  RunState other = TinyRun(7);
  other.run_id = "other";
  Save({other});
  Save({TinyRun(1)});
  EXPECT_THAT(SnapshotNames(NodeRun(2)), ElementsAre(SnapshotName(1)));
}

TEST_F(NodeDirectoriesTest, TheSameStepSavedAgainReplacesTheOlder) {
  Save({TinyRun(4, 1)});
  Save({TinyRun(4, 2)});
  const auto reader =
      SnapshotReader::Open(StepPath(NodeRun(0), 4), SnapshotReader::kSomeFiles);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->run().generation, 2);
  EXPECT_TRUE(Load({0, 1, 2}, 4).ok());
}

}  // namespace
}  // namespace perdure
