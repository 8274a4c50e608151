// What happens around a snapshot in <run_dir>/snapshots.

#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/restart_attempts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/tiny_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SnapshotDirectoryTest : public testing::Test {
 protected:
  SnapshotDirectoryTest()
      : run_(scratch_.path()), state_(TinyModel(), DType::kF32, false) {}

  absl::Status Write(int64_t step, int64_t generation = 1) {
    return WriteTiny(state_, TinyOptions(run_), TinyRun(step, generation), 2);
  }
  std::string InSnapshots(const std::string& name) const {
    return JoinPath(JoinPath(run_, kSnapshotsDirectory), name);
  }
  void LeaveBehind(const std::string& name) {
    ASSERT_TRUE(CreateDirectories(InSnapshots(name)).ok());
    ASSERT_TRUE(
        WriteFileAtomically(InSnapshots(name) + "/model.safetensors", "x")
            .ok());
  }

  const ScratchDirectory scratch_;
  const std::string run_;
  const TinyState state_;
};

TEST_F(SnapshotDirectoryTest, SnapshotsAreListedNewestFirst) {
  for (const int step : {1000, 5, 30}) ASSERT_TRUE(Write(step).ok());
  LeaveBehind("bad-step-000009999");
  EXPECT_THAT(
      *ListSnapshots(run_),
      ElementsAre(StepPath(run_, 1000), StepPath(run_, 30), StepPath(run_, 5)));
}

TEST_F(SnapshotDirectoryTest, ARunWithoutSnapshotsListsNone) {
  EXPECT_THAT(*ListSnapshots(run_), testing::IsEmpty());
  std::vector<std::string> warnings;
  EXPECT_EQ(OpenNewestSnapshot(run_, &warnings).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(SnapshotDirectoryTest, AnUnfinishedOneIsInvisible) {
  ASSERT_TRUE(Write(1).ok());
  ASSERT_TRUE(Write(2).ok());
  ASSERT_TRUE(
      RenameDurably(StepPath(run_, 2), InSnapshots(TemporaryName({2, 1})))
          .ok());
  std::vector<std::string> warnings;
  auto newest = OpenNewestSnapshot(run_, &warnings);
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ((*newest)->run().step, 1);
  EXPECT_THAT(warnings, testing::IsEmpty());
}

TEST_F(SnapshotDirectoryTest, WhatDeadRunsLeftIsRemovedAtTheNextWrite) {
  LeaveBehind(TemporaryName({3, 1}));
  LeaveBehind(TemporaryName({4, 2}));
  LeaveBehind(TrashName(SnapshotName(1)));
  ASSERT_TRUE(Write(5, 2).ok());
  EXPECT_THAT(SnapshotNames(run_), ElementsAre("step-000000005"));
}

TEST_F(SnapshotDirectoryTest, AYoungerGenerationsUnfinishedOneIsLeftAlone) {
  LeaveBehind(TemporaryName({4, 3}));
  ASSERT_TRUE(Write(5, 2).ok());
  EXPECT_THAT(SnapshotNames(run_),
              ElementsAre(TemporaryName({4, 3}), "step-000000005"));
}

TEST_F(SnapshotDirectoryTest, AGoodSnapshotOfTheStepIsKept) {
  ASSERT_TRUE(Write(5, 1).ok());
  const TinyState other(TinyModel(), DType::kF32, false, /*seed=*/1);
  ASSERT_TRUE(WriteTiny(other, TinyOptions(run_), TinyRun(5, 2), 2).ok());
  auto snapshot = Snapshot::Open(StepPath(run_, 5));
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ((*snapshot)->run().generation, 1);
  state_.ExpectIn(**snapshot);
}

TEST_F(SnapshotDirectoryTest, ADamagedSnapshotOfTheStepIsMovedAside) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_TRUE(Write(5).ok());
    ASSERT_TRUE(RemoveTree(StepPath(run_, 5) + "/config.json").ok());
  }
  ASSERT_TRUE(Write(5).ok());
  EXPECT_THAT(SnapshotNames(run_),
              ElementsAre("bad-step-000000005", "bad-step-000000005.2",
                          "step-000000005"));
  EXPECT_TRUE((*Snapshot::Open(StepPath(run_, 5)))->Verify({}).ok());
}

TEST_F(SnapshotDirectoryTest, AnotherRunsSnapshotIsNotTakenForOurs) {
  ASSERT_TRUE(Write(5).ok());
  RunState other = TinyRun(5);
  other.run_id = "other";
  const absl::Status status = WriteTiny(state_, TinyOptions(run_), other, 2);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("of run tiny"));
}

TEST_F(SnapshotDirectoryTest, OldOnesArePrunedByTheRules) {
  SnapshotWriteOptions options = TinyOptions(run_);
  options.keep_last = 2;
  options.keep_every = 20;
  options.pinned = {SnapshotName(10)};
  for (int step = 10; step <= 70; step += 10) {
    ASSERT_TRUE(WriteTiny(state_, options, TinyRun(step), 2).ok());
  }
  EXPECT_THAT(SnapshotNames(run_),
              ElementsAre("step-000000010", "step-000000020", "step-000000040",
                          "step-000000060", "step-000000070"));
}

TEST_F(SnapshotDirectoryTest, ThePinnedAndTheBestStayToo) {
  SnapshotWriteOptions options = TinyOptions(run_);
  options.keep_last = 1;
  options.keep_best = 1;
  const double losses[] = {4.0, 2.0, 3.0, 2.5, 2.7};
  for (int i = 0; i < 5; ++i) {
    RunState run = TinyRun(10 * (i + 1));
    run.validation_loss = losses[i];
    ASSERT_TRUE(WriteTiny(state_, options, run, 2).ok());
    if (i == 0) {
      ASSERT_TRUE(
          WriteFileAtomically(JoinPath(StepPath(run_, 10), kPinnedName), "")
              .ok());
    }
  }
  EXPECT_THAT(
      SnapshotNames(run_),
      ElementsAre("step-000000010", "step-000000020", "step-000000050"));
}

TEST_F(SnapshotDirectoryTest, TheBestByAccuracyIsTheHighest) {
  SnapshotWriteOptions options = TinyOptions(run_);
  options.keep_last = 1;
  options.keep_best = 1;
  options.best_by_accuracy = true;
  const double accuracies[] = {0.5, 0.9, 0.7};
  for (int i = 0; i < 3; ++i) {
    RunState run = TinyRun(10 * (i + 1));
    run.validation_loss = 1.0 - i;  // would choose another
    run.validation_accuracy = accuracies[i];
    ASSERT_TRUE(WriteTiny(state_, options, run).ok());
  }
  EXPECT_THAT(SnapshotNames(run_),
              ElementsAre("step-000000020", "step-000000030"));
}

TEST_F(SnapshotDirectoryTest, OneOfAnAbandonedGenerationIsReplaced) {
  ASSERT_TRUE(Write(5, 1).ok());
  SnapshotWriteOptions options = TinyOptions(run_);
  options.counts = [](int64_t generation, int64_t) { return generation > 1; };
  const TinyState other(TinyModel(), DType::kF32, false, /*seed=*/1);
  ASSERT_TRUE(WriteTiny(other, options, TinyRun(5, 2), 2).ok());
  EXPECT_THAT(SnapshotNames(run_),
              ElementsAre("bad-step-000000005", "step-000000005"));
  auto snapshot = Snapshot::Open(StepPath(run_, 5));
  ASSERT_TRUE(snapshot.ok());
  other.ExpectIn(**snapshot);
}

TEST_F(SnapshotDirectoryTest, ASearchBelowAStepTakesTheOneBefore) {
  for (const int step : {5, 10, 15}) ASSERT_TRUE(Write(step).ok());
  std::vector<std::string> warnings;
  SnapshotSearch search;
  search.below_step = 15;
  auto found = OpenNewestSnapshot(run_, &warnings, search);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->run().step, 10);
  search.below_step = 5;
  EXPECT_EQ(OpenNewestSnapshot(run_, &warnings, search).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(SnapshotDirectoryTest, OneThatCrashedTooManyLaunchesIsInQuarantine) {
  for (const int step : {5, 10}) ASSERT_TRUE(Write(step).ok());
  std::vector<std::string> warnings;
  SnapshotSearch search;
  search.quarantine_after = 2;
  const auto newest = [&] {
    auto found = OpenNewestSnapshot(run_, &warnings, search);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? (*found)->run().step : 0;
  };
  ASSERT_TRUE(CountRestartAttempt(run_, 10).ok());
  EXPECT_EQ(newest(), 10);
  ASSERT_TRUE(CountRestartAttempt(run_, 10).ok());
  EXPECT_EQ(newest(), 5);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("in quarantine: 2 launches"));
  EXPECT_THAT(warnings[0], HasSubstr(RestartAttemptsPath(run_, 10)));
  ASSERT_TRUE(ForgetRestartAttempts(run_).ok());
  EXPECT_EQ(newest(), 10);
  EXPECT_EQ(RestartAttempts(run_, 10), 0);
}

TEST_F(SnapshotDirectoryTest, AMissingPieceFailsOnAllRanksAndLeavesNothing) {
  const absl::Status status = CommonStatus(
      RunThreadRanks(3, absl::Seconds(60), [&](Communicator& world) {
        auto pieces = state_.Pieces(Cut::kFlat, 3, world.rank());
        if (world.rank() == 2) pieces.pop_back();
        return WriteSnapshot(world, TinyOptions(run_), TinyRun(1), pieces);
      }));
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("come from no rank"));
  EXPECT_THAT(SnapshotNames(run_), testing::IsEmpty());
}

TEST_F(SnapshotDirectoryTest, StateThatDoesNotFitTheModelIsRefused) {
  ModelConfig model = TinyModel(38, /*tied=*/false);
  const absl::Status status =
      WriteTiny(state_, TinyOptions(run_, model), TinyRun(1), 2);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  const std::string message(status.message());
  EXPECT_THAT(message,
              HasSubstr("weight model.embed_tokens.weight is [37, 16], "
                        "not [38, 16]"));
  EXPECT_THAT(message, HasSubstr("weight lm_head.weight comes from no rank"));
}

TEST_F(SnapshotDirectoryTest, AMissingTokenizerFolderFailsOnAllRanks) {
  SnapshotWriteOptions options = TinyOptions(run_);
  options.tokenizer_dir = run_ + "/nowhere";
  const absl::Status status = WriteTiny(state_, options, TinyRun(1), 3);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(SnapshotNames(run_), testing::IsEmpty());
}

}  // namespace
}  // namespace perdure
