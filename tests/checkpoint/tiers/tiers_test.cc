// Which of the snapshots that nodes keep for themselves can be gone on from.

#include "checkpoint/tiers/node_snapshots.h"
#include "checkpoint/tiers/tier_offers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/checkpoint/snapshot/nodes_fixture.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TierOffer Offer(SnapshotTier tier, int64_t step, uint64_t key,
                const std::vector<uint32_t>& held) {
  TierOffer offer;
  TierOffer::Entry* entry = offer.add_entries();
  entry->set_tier(static_cast<int32_t>(tier));
  entry->set_step(step);
  entry->set_generation(1);
  entry->set_run_id("r");
  entry->set_key(key);
  entry->set_files(2);
  entry->mutable_held()->Assign(held.begin(), held.end());
  return offer;
}

std::vector<int64_t> Steps(const std::vector<TierSnapshot>& snapshots) {
  std::vector<int64_t> steps;
  for (const TierSnapshot& snapshot : snapshots) steps.push_back(snapshot.step);
  return steps;
}

TEST(ListTiersTest, NodesTogetherHaveTheWholeOfIt) {
  const auto listing =
      ListTiers({Offer(SnapshotTier::kMemory, 5, 1, {0}), TierOffer(),
                 Offer(SnapshotTier::kMemory, 5, 1, {1, 0})});
  ASSERT_EQ(listing.complete.size(), 1u);
  EXPECT_EQ(listing.complete[0].first, 0u);
  EXPECT_THAT(listing.incomplete, IsEmpty());
}

TEST(ListTiersTest, TheSameFileTwiceIsNotTwoFiles) {
  const auto listing = ListTiers({Offer(SnapshotTier::kMemory, 5, 1, {1}),
                                  Offer(SnapshotTier::kMemory, 5, 1, {1})});
  EXPECT_THAT(listing.complete, IsEmpty());
  EXPECT_THAT(Steps(listing.incomplete), ElementsAre(5));
}

TEST(ListTiersTest, TwoManifestsOfOneStepAreTwoSnapshots) {
  const auto listing = ListTiers({Offer(SnapshotTier::kMemory, 5, 1, {0}),
                                  Offer(SnapshotTier::kMemory, 5, 2, {1})});
  EXPECT_THAT(listing.complete, IsEmpty());
  EXPECT_THAT(Steps(listing.incomplete), ElementsAre(5, 5));
}

TEST(ListTiersTest, NewerComesFirstThenTheFasterTier) {
  const auto listing = ListTiers({Offer(SnapshotTier::kLocal, 7, 1, {0, 1}),
                                  Offer(SnapshotTier::kMemory, 7, 2, {0, 1}),
                                  Offer(SnapshotTier::kLocal, 9, 3, {0, 1}),
                                  Offer(SnapshotTier::kMemory, 3, 4, {0, 1})});
  EXPECT_THAT(Steps(listing.complete), ElementsAre(9, 7, 7, 3));
  EXPECT_EQ(listing.complete[1].tier, SnapshotTier::kMemory);
}

class TierDirectoryTest : public testing::Test {
 protected:
  std::string Of(const std::string& run_dir, const std::string& node) {
    return TierDirectory(scratch_.path(), run_dir, node);
  }
  const ScratchDirectory scratch_;
};

TEST_F(TierDirectoryTest, OneRunDirectoryHasOneHoweverItIsWritten) {
  EXPECT_EQ(Of("/runs/a", "n"), Of("/runs//b/../a/", "n"));
  EXPECT_NE(Of("/runs/a", "n"), Of("/runs/b", "n"));
  EXPECT_NE(Of("/runs/a", "n"), Of("/runs/a", "m"));
}

TEST_F(TierDirectoryTest, RemovingOneLeavesOtherNodesAndOtherRuns) {
  const auto storage = MakePosixStorage();
  for (const std::string& path :
       {Of("/a", "n"), Of("/a", "m"), Of("/b", "n")}) {
    ASSERT_TRUE(CreateDirectories(JoinPath(path, "snapshots")).ok());
  }
  ASSERT_TRUE(RemoveTierDirectory(*storage, Of("/a", "n")).ok());
  EXPECT_FALSE(FileExists(Of("/a", "n")));
  EXPECT_TRUE(FileExists(Of("/a", "m")));
  ASSERT_TRUE(RemoveTierDirectory(*storage, Of("/a", "m")).ok());
  EXPECT_EQ(ListDirectory(scratch_.path())->size(), 1u);
  EXPECT_TRUE(FileExists(Of("/b", "n")));
  // Nothing is there: nothing to do.
  EXPECT_TRUE(RemoveTierDirectory(*storage, Of("/c", "n")).ok());
}

class NodeSnapshotsTest : public NodesTest {
 protected:
  using Body = std::function<absl::Status(NodeSnapshots&, Communicator&,
                                          const LoadOptions&)>;

  // Two ranks on each of these nodes.
  absl::Status OnNodes(const std::vector<int>& nodes, const Body& body) {
    return CommonStatus(RunThreadRanks(
        2 * static_cast<int>(nodes.size()), absl::Seconds(60),
        [&](Communicator& world) -> absl::Status {
          const int node = nodes[static_cast<size_t>(world.rank()) / 2];
          LoadOptions options;
          options.node = absl::StrCat("host", node);
          const auto storage = MakePosixStorage();
          ASSIGN_OR_RETURN(
              NodeSnapshots found,
              NodeSnapshots::Find(world, *storage, options.node,
                                  {{SnapshotTier::kMemory, NodeRun(node)}}));
          return body(found, world, options);
        }));
  }
};

TEST_F(NodeSnapshotsTest, ANewNodeInThePlaceOfALostOneGetsWhatItNeeds) {
  Save({TinyRun(1), TinyRun(2)});
  // Node 1 is gone, node 7 is new.
  const absl::Status status = OnNodes(
      {7, 0, 2},
      [&](NodeSnapshots& found, Communicator& world,
          const LoadOptions& options) -> absl::Status {
        EXPECT_THAT(Steps(found.listing().complete), ElementsAre(2, 1));
        ASSIGN_OR_RETURN(const auto snapshot,
                         found.Open(found.listing().complete[0]));
        EXPECT_EQ(snapshot->run().step, 2);
        EXPECT_TRUE(FileExists(JoinPath(snapshot->directory(), kConfigName)));
        return LoadPart(*snapshot, world, options, nullptr);
      });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(NodeSnapshotsTest, WithTwoNeighboursLostNothingIsWhole) {
  Save({TinyRun(1), TinyRun(2)});
  const absl::Status status = OnNodes(
      {1, 8}, [&](NodeSnapshots& found, Communicator&, const LoadOptions&) {
        EXPECT_THAT(found.listing().complete, IsEmpty());
        EXPECT_THAT(Steps(found.listing().incomplete), ElementsAre(2, 1));
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(NodeSnapshotsTest, OneThatOnlySomeNodesHaveNamedIsNotTaken) {
  Save({TinyRun(1), TinyRun(2)});
  // As if the launch had died while they did so; of a file there are two.
  for (const int node : {0, 1}) {
    ASSERT_TRUE(RemoveTree(StepPath(NodeRun(node), 2)).ok());
  }
  const absl::Status status =
      OnNodes({0, 1, 2},
              [&](NodeSnapshots& found, Communicator& world,
                  const LoadOptions& options) -> absl::Status {
                EXPECT_THAT(Steps(found.listing().complete), ElementsAre(1));
                EXPECT_THAT(Steps(found.listing().incomplete), ElementsAre(2));
                ASSIGN_OR_RETURN(const auto snapshot,
                                 found.Open(found.listing().complete[0]));
                return LoadPart(*snapshot, world, options, nullptr);
              });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(NodeSnapshotsTest, AnotherSnapshotOfTheStepOnANodeGivesWay) {
  // Node 0 was cut off and has step 1 of an abandoned launch.
  Save({TinyRun(1, 1)});
  const std::string old = JoinPath(scratch_.path(), "old");
  ASSERT_TRUE(RenameDurably(StepPath(NodeRun(0), 1), old).ok());
  Save({TinyRun(1, 2)});
  ASSERT_TRUE(RemoveTree(StepPath(NodeRun(0), 1)).ok());
  ASSERT_TRUE(RenameDurably(old, StepPath(NodeRun(0), 1)).ok());
  const absl::Status status =
      OnNodes({0, 1, 2},
              [&](NodeSnapshots& found, Communicator& world,
                  const LoadOptions& options) -> absl::Status {
                EXPECT_THAT(Steps(found.listing().complete), ElementsAre(1));
                ASSIGN_OR_RETURN(const auto snapshot,
                                 found.Open(found.listing().complete[0]));
                EXPECT_EQ(snapshot->run().generation, 2);
                return LoadPart(*snapshot, world, options, nullptr);
              });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(NodeSnapshotsTest, WhatWasDroppedIsNotListed) {
  Save({TinyRun(1), TinyRun(2)});
  const absl::Status status = OnNodes(
      {0, 1, 2}, [&](NodeSnapshots& found, Communicator&, const LoadOptions&) {
        found.Drop(TierSnapshot(found.listing().complete[0]));
        EXPECT_THAT(Steps(found.listing().complete), ElementsAre(1));
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace perdure
