// A full disk, a failing disk and a crash at every point of a write.

#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/faulty_storage.h"
#include "tests/checkpoint/snapshot/tiny_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using Fault = FaultyStorage::Fault;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kRanks = 2;
constexpr int kMostCalls = 2000;  // a write makes fewer

class FaultTest : public testing::TestWithParam<Fault> {
 protected:
  FaultTest()
      : run_(scratch_.path()),
        before_(TinyModel(), DType::kBF16, true, /*seed=*/0),
        after_(TinyModel(), DType::kBF16, true, /*seed=*/1) {
    FaultyStorage sound;
    const absl::Status written = Write(sound, before_, TinyRun(1));
    EXPECT_TRUE(written.ok()) << written;
  }

  absl::Status Write(Storage& storage, const TinyState& state,
                     const RunState& run, int keep_last = 0) {
    SnapshotWriteOptions options = TinyOptions(run_);
    options.keep_last = keep_last;
    return CommonStatus(
        RunThreadRanks(kRanks, absl::Seconds(60), [&](Communicator& world) {
          return WriteSnapshotTo(
              world, storage, options, run,
              state.Pieces(Cut::kFlat, kRanks, world.rank()));
        }));
  }

  // The newest is step 1 or 2, whole, and nothing had to be skipped.
  int64_t ExpectNewestIsWhole() {
    std::vector<std::string> warnings;
    auto newest = OpenNewestSnapshot(run_, &warnings);
    EXPECT_TRUE(newest.ok()) << newest.status();
    EXPECT_THAT(warnings, testing::IsEmpty());
    if (!newest.ok()) return 0;
    const int64_t step = (*newest)->run().step;
    (step == 1 ? before_ : after_).ExpectIn(**newest);
    return step;
  }

  const ScratchDirectory scratch_;
  const std::string run_;
  const TinyState before_;
  const TinyState after_;
};

class StorageFailureTest : public FaultTest {};

TEST_P(StorageFailureTest, LeavesOnlyTheEarlierSnapshot) {
  int n = 1;
  for (; n < kMostCalls; ++n) {
    FaultyStorage storage(GetParam(), n);
    const absl::Status status = Write(storage, after_, TinyRun(2));
    if (!storage.tripped()) {
      EXPECT_TRUE(status.ok()) << status;
      break;
    }
    ASSERT_EQ(status.code(), absl::StatusCode::kAborted) << n << ": " << status;
    ASSERT_THAT(SnapshotNames(run_), ElementsAre("step-000000001")) << n;
    ASSERT_EQ(ExpectNewestIsWhole(), 1) << n;
  }
  EXPECT_GT(n, 10);
  EXPECT_LT(n, kMostCalls);
  EXPECT_EQ(ExpectNewestIsWhole(), 2);
}

INSTANTIATE_TEST_SUITE_P(Faults, StorageFailureTest,
                         testing::Values(Fault::kDiskFull, Fault::kShortWrite,
                                         Fault::kSyncFails));

class CrashTest : public FaultTest {};

TEST_P(CrashTest, ShowsTheOldOrTheNewSnapshotWhole) {
  bool seen[3] = {};
  int n = 1;
  for (; n < kMostCalls; ++n) {
    FaultyStorage storage(GetParam(), n);
    const absl::Status status = Write(storage, after_, TinyRun(2));
    storage.LoseUnsynced();
    const int64_t step = ExpectNewestIsWhole();
    ASSERT_TRUE(step == 1 || step == 2) << n;
    seen[step] = true;
    if (!storage.tripped()) break;
    ASSERT_FALSE(status.ok()) << n;
    const absl::Status undone = RemoveTree(StepPath(run_, 2));
    ASSERT_TRUE(undone.ok()) << undone;
  }
  EXPECT_LT(n, kMostCalls);
  EXPECT_TRUE(seen[1]);
  EXPECT_TRUE(seen[2]);
  EXPECT_EQ(ExpectNewestIsWhole(), 2);
}

TEST_P(CrashTest, TheNextLaunchCleansUpAndGoesOn) {
  FaultyStorage crashing(GetParam(), 20);
  ASSERT_FALSE(Write(crashing, after_, TinyRun(2)).ok());
  crashing.LoseUnsynced();
  ASSERT_EQ(SnapshotNames(run_).size(), 2u);  // step 1 and what was left behind
  FaultyStorage sound;
  const absl::Status written = Write(sound, after_, TinyRun(2, 2));
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_THAT(SnapshotNames(run_),
              ElementsAre("step-000000001", "step-000000002"));
  EXPECT_EQ(ExpectNewestIsWhole(), 2);
}

INSTANTIATE_TEST_SUITE_P(Faults, CrashTest,
                         testing::Values(Fault::kCrashBefore,
                                         Fault::kCrashAfter));

TEST_F(FaultTest, AFullDiskIsMetBeforeAnythingIsWritten) {
  FaultyStorage storage;
  storage.set_free_bytes(4096);
  const absl::Status status = Write(storage, after_, TinyRun(2));
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("4.00 KiB are free"));
  EXPECT_THAT(SnapshotNames(run_), ElementsAre("step-000000001"));
}

TEST_F(FaultTest, FailingToPruneDoesNotFailTheWrite) {
  bool pruning_failed = false;
  for (int n = 1; n < kMostCalls; ++n) {
    FaultyStorage storage(Fault::kDiskFull, n);
    const absl::Status status =
        Write(storage, after_, TinyRun(2), /*keep_last=*/1);
    if (!status.ok()) continue;
    pruning_failed = storage.tripped();
    break;
  }
  EXPECT_TRUE(pruning_failed);
  EXPECT_EQ(ExpectNewestIsWhole(), 2);
  EXPECT_THAT(SnapshotNames(run_),
              ElementsAre("step-000000001", "step-000000002"));
}

}  // namespace
}  // namespace perdure
