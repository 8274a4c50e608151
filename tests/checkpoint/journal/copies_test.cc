// Two copies of a journal: threads are ranks, directories are nodes' disks.

#include "checkpoint/journal/copies.h"

#include <utility>

#include "checkpoint/journal/generation_log.h"
#include "checkpoint/journal/journal.h"
#include "checkpoint/journal/names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/journal/tiny_log.h"
#include "tests/checkpoint/snapshot/faulty_storage.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

// Every string has a letter a rank: its node.
class CopiesTest : public testing::Test {
 protected:
  std::string DiskOf(char node) const {
    return JoinPath(scratch_.path(), std::string(1, node));
  }
  std::string LogOn(char node, int64_t generation) const {
    return JournalPath(DiskOf(node), generation);
  }
  std::string BytesOn(char node, int64_t generation) const {
    const auto bytes = ReadFile(LogOn(node, generation));
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.ok() ? *bytes : "";
  }
  void Put(char node, int64_t generation, const std::string& bytes) {
    ASSERT_TRUE(CreateDirectories(JoinPath(DiskOf(node), "journal")).ok());
    ASSERT_TRUE(WriteFileAtomically(LogOn(node, generation), bytes).ok());
  }

  using Body = std::function<absl::Status(Communicator&, JournalCopies&)>;
  // Runs body on ranks of the nodes `hosts`; `disks` says where their run
  // directories are.
  std::vector<absl::Status> On(const std::string& hosts,
                               const std::string& disks, const Body& body,
                               int copies = 0) {
    return RunThreadRanks(
        static_cast<int>(hosts.size()), absl::Seconds(20),
        [&](Communicator& world) -> absl::Status {
          const int rank = world.rank();
          Storage& storage =
              disks[rank] == broken_disk_ ? *broken_storage_ : *disk_;
          ASSIGN_OR_RETURN(
              const std::unique_ptr<JournalCopies> found,
              JournalCopies::Find(world, storage, DiskOf(disks[rank]),
                                  std::string(1, hosts[rank]), copies));
          return body(world, *found);
        });
  }
  std::vector<absl::Status> On(const std::string& nodes, const Body& body) {
    return On(nodes, nodes, body);
  }

  // A launch, from the newest journal on, of these steps.
  Body Launch(int64_t first, int64_t last) {
    return
        [=, this](Communicator& world, JournalCopies& copies) -> absl::Status {
          RETURN_IF_ERROR(copies.Fetch());
          return Run(world, copies, first, last);
        };
  }
  absl::Status Run(Communicator& world, JournalCopies& copies, int64_t first,
                   int64_t last) {
    if (world.rank() != 0) {
      return copies.keeper() == nullptr ? absl::OkStatus()
                                        : copies.keeper()->Serve();
    }
    const absl::Status status = WriteSteps(copies, first, last);
    if (copies.mirror() != nullptr) {
      RETURN_IF_ERROR(copies.mirror()->Release());
    }
    return status;
  }

  ScratchDirectory scratch_;
  const std::unique_ptr<Storage> disk_ = MakePosixStorage();
  char broken_disk_ = '-';
  std::unique_ptr<Storage> broken_storage_;
  char rank_zero_disk_ = 'a';

 private:
  absl::Status WriteSteps(JournalCopies& copies, int64_t first, int64_t last) {
    ASSIGN_OR_RETURN(const Journal seen,
                     Journal::Open(DiskOf(rank_zero_disk_)));
    ASSIGN_OR_RETURN(const auto log,
                     BeginGeneration(*disk_, seen, copies.highest_generation(),
                                     first - 1, TinyHeader(), copies.mirror()));
    for (int64_t step = first; step <= last; ++step) {
      RETURN_IF_ERROR(log->AppendStep(ZerothOrderStep(step)));
    }
    return log->AppendEvent(JournalEvent::DONE, last, "");
  }
};

TEST_F(CopiesTest, NodesWithDisksOfTheirOwnHoldTheSameBytes) {
  EXPECT_THAT(On("aabb", Launch(1, 5)), Each(absl::OkStatus()));
  EXPECT_EQ(BytesOn('a', 1), BytesOn('b', 1));
  EXPECT_THAT(ScanSteps(BytesOn('b', 1)).steps,
              ElementsAre(1, 2, 3, 4, 5, 0));  // 0: the event
}

TEST_F(CopiesTest, ASharedDirectoryHoldsOne) {
  EXPECT_THAT(On("abc", "sss",
                 [](Communicator&, JournalCopies& copies) {
                   EXPECT_EQ(copies.copies(), 1);
                   EXPECT_EQ(copies.Describe(), "");
                   return copies.Fetch();
                 }),
              Each(absl::OkStatus()));
  EXPECT_THAT(*ListDirectory(DiskOf('s')), ElementsAre());  // no probe is left
}

TEST_F(CopiesTest, TheFirstNodeThatDoesNotShareKeepsTheSecond) {
  EXPECT_THAT(On("abc", "ssc",
                 [](Communicator& world, JournalCopies& copies) {
                   EXPECT_EQ(copies.copies(), 2);
                   EXPECT_EQ(copies.Describe(), "on a and c");
                   EXPECT_EQ(copies.mirror() != nullptr, world.rank() == 0);
                   EXPECT_EQ(copies.keeper() != nullptr, world.rank() == 2);
                   return absl::OkStatus();
                 }),
              Each(absl::OkStatus()));
}

TEST_F(CopiesTest, TwoAreRefusedWhereThereIsOnePlace) {
  const Body nothing = [](Communicator&, JournalCopies&) {
    return absl::OkStatus();
  };
  for (const auto& [hosts, why] :
       {std::pair{"aaa", "all ranks are on one node"},
        std::pair{"abb", "all nodes share the run directory"}}) {
    for (const absl::Status& status : On(hosts, "sss", nothing, 2)) {
      EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(why));
    }
  }
  EXPECT_THAT(On("ab", "ab", nothing, 2), Each(absl::OkStatus()));
}

TEST_F(CopiesTest, OneIsOneWhateverTheDisks) {
  EXPECT_THAT(On(
                  "ab", "ab",
                  [](Communicator&, JournalCopies& copies) {
                    EXPECT_EQ(copies.copies(), 1);
                    return absl::OkStatus();
                  },
                  1),
              Each(absl::OkStatus()));
}

TEST_F(CopiesTest, TheLossOfRankZerosDiskLosesNothing) {
  EXPECT_THAT(On("ab", Launch(1, 5)), Each(absl::OkStatus()));
  ASSERT_TRUE(RemoveTree(DiskOf('a')).ok());
  EXPECT_THAT(On("ab", Launch(6, 8)), Each(absl::OkStatus()));
  for (const char node : {'a', 'b'}) {
    std::vector<std::string> warnings;
    const auto journal = Journal::Open(DiskOf(node));
    ASSERT_TRUE(journal.ok()) << journal.status();
    const auto steps = journal->Steps(0, &warnings);
    ASSERT_TRUE(steps.ok()) << steps.status();
    EXPECT_EQ(steps->From(1).size(), 8u);
    EXPECT_THAT(warnings, ElementsAre());
  }
  EXPECT_EQ(BytesOn('a', 2), BytesOn('b', 2));
}

TEST_F(CopiesTest, RankZerosNodeIsLostAndAnotherTakesItsPlace) {
  EXPECT_THAT(On("ab", Launch(1, 5)), Each(absl::OkStatus()));
  rank_zero_disk_ = 'c';
  EXPECT_THAT(On("cb", Launch(6, 8)), Each(absl::OkStatus()));
  EXPECT_EQ(BytesOn('c', 1), BytesOn('b', 1));
  EXPECT_EQ(BytesOn('c', 2), BytesOn('b', 2));
  // a comes back with what it had: it is given what it missed.
  rank_zero_disk_ = 'a';
  EXPECT_THAT(On("acb", Launch(9, 9)), Each(absl::OkStatus()));
  EXPECT_EQ(BytesOn('a', 2), BytesOn('b', 2));
  EXPECT_EQ(BytesOn('a', 3), BytesOn('c', 3));
}

TEST_F(CopiesTest, AShorterOrTornCopyIsReplacedByTheLonger) {
  for (const char lesser : {'a', 'b'}) {
    Put('a', 1, TinyLog(5));
    Put('b', 1, TinyLog(5));
    Put(lesser, 1, TinyLog(4).substr(0, TinyLog(4).size() - 7));
    EXPECT_THAT(On("ab", [](Communicator&,
                            JournalCopies& copies) { return copies.Fetch(); }),
                Each(absl::OkStatus()));
    EXPECT_EQ(BytesOn('a', 1), TinyLog(5));
    EXPECT_EQ(BytesOn('b', 1), TinyLog(5));
  }
}

TEST_F(CopiesTest, ATornHeaderGivesWayAndIsPutAside) {
  Put('a', 1, TinyLog(5).substr(0, 30));
  Put('b', 1, TinyLog(5));
  EXPECT_THAT(On("ab", Launch(6, 6)), Each(absl::OkStatus()));
  EXPECT_EQ(BytesOn('a', 1), TinyLog(5));
  EXPECT_EQ(*ReadFile(LogOn('a', 1) + ".other-1"), TinyLog(5).substr(0, 30));
}

TEST_F(CopiesTest, NumbersThatAnyNodeHasSeenAreNotGivenAgain) {
  Put('a', 1, TinyLog(5));
  Put('b', 1, TinyLog(5));
  Put('b', 6, "torn");
  EXPECT_THAT(On("ab", Launch(6, 6)), Each(absl::OkStatus()));
  EXPECT_EQ(BytesOn('a', 7), BytesOn('b', 7));
}

TEST_F(CopiesTest, DifferentRunsAreRefusedOnAllRanks) {
  Put('a', 1, TinyLog(5));
  JournalHeader header = TinyHeader();
  header.set_run_id("other");
  ASSERT_TRUE(CreateDirectories(DiskOf('d')).ok());
  ASSERT_TRUE(GenerationLog::Create(*disk_, DiskOf('d'), 0, header).ok());
  for (const absl::Status& status :
       On("aadd", [](Communicator&, JournalCopies& copies) {
         return copies.Fetch();
       })) {
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("of run other"));
  }
}

TEST_F(CopiesTest, ANewerGenerationOnTheKeepersNodeEndsTheOlder) {
  const auto statuses =
      On("ab", [&](Communicator& world, JournalCopies& copies) -> absl::Status {
        if (world.rank() == 1) return copies.keeper()->Serve();
        ASSIGN_OR_RETURN(const auto log,
                         GenerationLog::Create(*disk_, DiskOf('a'), 0,
                                               TinyHeader(), copies.mirror()));
        RETURN_IF_ERROR(log->AppendStep(ZerothOrderStep(1)));
        Put('b', 2, TinyLog(1));
        const absl::Status status = log->AppendStep(ZerothOrderStep(2));
        RETURN_IF_ERROR(copies.mirror()->Release());
        return status;
      });
  EXPECT_TRUE(absl::IsAlreadyExists(statuses[0])) << statuses[0];
  EXPECT_THAT(std::string(statuses[0].message()),
              HasSubstr("step 2 is not counted"));
  EXPECT_THAT(std::string(statuses[0].message()),
              HasSubstr("the second copy, on b: " + LogOn('b', 2)));
  EXPECT_TRUE(statuses[1].ok()) << statuses[1];
}

TEST_F(CopiesTest, ALaunchThatIsAliveOnTheKeepersNodeIsNotOvertaken) {
  Put('b', 1, TinyLog(5));
  const auto statuses =
      On("ab", [&](Communicator& world, JournalCopies& copies) -> absl::Status {
        RETURN_IF_ERROR(copies.Fetch());
        // The old launch finishes a step, on b and a node that is not here.
        if (world.rank() == 1) Put('b', 1, TinyLog(6));
        RETURN_IF_ERROR(world.Barrier());
        return Run(world, copies, 6, 7);
      });
  EXPECT_TRUE(absl::IsAlreadyExists(statuses[0])) << statuses[0];
  EXPECT_THAT(std::string(statuses[0].message()),
              HasSubstr("another launch of the run is alive"));
  // What was begun is no generation: step 6 counts.
  EXPECT_THAT(On("ab", Launch(7, 8)), Each(absl::OkStatus()));
  std::vector<std::string> warnings;
  const auto journal = Journal::Open(DiskOf('a'));
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ(journal->Steps(0, &warnings)->From(1).size(), 8u);
  EXPECT_EQ(journal->head().generation(), 3);
}

TEST_F(CopiesTest, WhatIsToldSurvivesTheLossOfPowerOnTheKeepersNode) {
  broken_disk_ = 'b';
  auto losing = std::make_unique<FaultyStorage>();
  FaultyStorage* const disk = losing.get();
  broken_storage_ = std::move(losing);
  ASSERT_TRUE(CreateDirectories(DiskOf('b')).ok());
  std::vector<int64_t> kept;
  const auto statuses =
      On("ab", [&](Communicator& world, JournalCopies& copies) -> absl::Status {
        if (world.rank() == 1) return copies.keeper()->Serve();
        ASSIGN_OR_RETURN(const auto log,
                         GenerationLog::Create(*disk_, DiskOf('a'), 0,
                                               TinyHeader(), copies.mirror()));
        RETURN_IF_ERROR(log->AppendStep(ZerothOrderStep(1)));
        RETURN_IF_ERROR(log->AppendStep(ZerothOrderStep(2)));
        disk->LoseUnsynced();
        kept = ScanSteps(BytesOn('b', 1)).steps;
        return copies.mirror()->Release();
      });
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_THAT(kept, ElementsAre(1, 2));
}

// From which change of the keeper's disk on it is full: in all cases no step
// is told that is not on both.
TEST_F(CopiesTest, AFullDiskUnderTheSecondCopyIsRankZerosError) {
  for (int change = 1; change < 14; ++change) {
    broken_disk_ = 'b';
    broken_storage_ = std::make_unique<FaultyStorage>(
        FaultyStorage::Fault::kDiskFull, change);
    ASSERT_TRUE(RemoveTree(DiskOf('a')).ok());
    ASSERT_TRUE(RemoveTree(DiskOf('b')).ok());
    ASSERT_TRUE(CreateDirectories(DiskOf('b')).ok());
    int64_t told = 0;
    const auto statuses = On(
        "ab", [&](Communicator& world, JournalCopies& copies) -> absl::Status {
          if (world.rank() == 1) return copies.keeper()->Serve();
          const auto write = [&]() -> absl::Status {
            ASSIGN_OR_RETURN(
                const auto log,
                GenerationLog::Create(*disk_, DiskOf('a'), 0, TinyHeader(),
                                      copies.mirror()));
            for (int64_t step = 1; step <= 20; ++step) {
              RETURN_IF_ERROR(log->AppendStep(ZerothOrderStep(step)));
              told = step;
            }
            return absl::OkStatus();
          };
          const absl::Status status = write();
          RETURN_IF_ERROR(copies.mirror()->Release());
          return status;
        });
    EXPECT_TRUE(absl::IsAborted(statuses[0])) << change << ": " << statuses[0];
    EXPECT_THAT(std::string(statuses[0].message()),
                HasSubstr("the second copy, on b: "));
    EXPECT_TRUE(statuses[1].ok()) << statuses[1];
    if (told == 0) continue;
    std::vector<int64_t> kept = ScanSteps(BytesOn('b', 1)).steps;
    EXPECT_GE(kept.size(), static_cast<size_t>(told)) << change;
  }
}

}  // namespace
}  // namespace perdure
