// Saving behind training: what is saved is the state when Begin was called, and
// what goes wrong with a save is told and does not hinder the next.

#include <cstdio>
#include <fstream>
#include <mutex>

#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_saver.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/faulty_storage.h"
#include "tests/checkpoint/snapshot/rank_state.h"
#include "tests/checkpoint/snapshot/tiny_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SaverTest : public testing::Test {
 protected:
  SaverTest()
      : run_(scratch_.path()), state_(TinyModel(), DType::kBF16, true) {}

  using Body = std::function<absl::Status(SnapshotSaver&, RankState&, int)>;

  // Runs body on so many thread ranks, each with a saver.
  void OnRanks(int ranks, std::shared_ptr<Storage> storage, const Body& body) {
    SnapshotSaverOptions options;
    options.snapshot = TinyOptions(run_);
    options.pool_bytes = pool_bytes_;
    options.drain = drain_;
    const auto statuses =
        RunThreadRanks(ranks, absl::Seconds(60), [&](Communicator& world) {
          auto saver = SnapshotSaver::Create(world, storage, options);
          RETURN_IF_ERROR(saver.status());
          RankState mine(state_, world.size(), world.rank());
          return body(**saver, mine, world.rank());
        });
    for (const absl::Status& status : statuses) {
      EXPECT_TRUE(status.ok()) << status;
    }
  }

  static absl::Status Begin(SnapshotSaver& saver, const RankState& state,
                            int64_t step) {
    return saver.Begin(TinyRun(step), state.map(),
                       [&](StateSink* sink) { return state.Give(sink); });
  }

  void ExpectSaved(int64_t step) {
    auto snapshot = Snapshot::Open(StepPath(run_, step));
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    const absl::Status verified = (*snapshot)->Verify({});
    EXPECT_TRUE(verified.ok()) << verified;
    state_.ExpectIn(**snapshot);
  }

  const ScratchDirectory scratch_;
  const std::string run_;
  const TinyState state_;
  uint64_t pool_bytes_ = 0;
  absl::Duration drain_ = absl::Seconds(60);
};

TEST_F(SaverTest, WhatChangesAfterBeginIsNotInTheFile) {
  OnRanks(3, MakePosixStorage(),
          [](SnapshotSaver& saver, RankState& state, int) -> absl::Status {
            RETURN_IF_ERROR(Begin(saver, state, 1));
            state.Scribble();
            return saver.Finish();
          });
  ExpectSaved(1);
}

TEST_F(SaverTest, PollsAtStepBoundariesEndTheSave) {
  OnRanks(2, MakePosixStorage(),
          [](SnapshotSaver& saver, RankState& state, int) -> absl::Status {
            RETURN_IF_ERROR(Begin(saver, state, 1));
            EXPECT_TRUE(saver.busy());
            EXPECT_THAT(saver.TakeReports(), IsEmpty());
            while (saver.busy()) RETURN_IF_ERROR(saver.Poll());
            const std::vector<SaveReport> reports = saver.TakeReports();
            EXPECT_EQ(reports.size(), 1u);
            EXPECT_TRUE(reports.at(0).status.ok()) << reports[0].status;
            EXPECT_EQ(reports[0].step, 1);
            EXPECT_GT(reports[0].bytes, 0u);
            EXPECT_GE(reports[0].seconds, reports[0].stall_seconds * 0.5);
            return absl::OkStatus();
          });
  ExpectSaved(1);
}

TEST_F(SaverTest, ASecondSaveWaitsForTheFirst) {
  OnRanks(2, MakePosixStorage(),
          [](SnapshotSaver& saver, RankState& state, int) -> absl::Status {
            RETURN_IF_ERROR(Begin(saver, state, 1));
            RETURN_IF_ERROR(Begin(saver, state, 2));
            RETURN_IF_ERROR(saver.Finish());
            EXPECT_EQ(saver.TakeReports().size(), 2u);
            return absl::OkStatus();
          });
  ExpectSaved(1);
  ExpectSaved(2);
}

// Larger than the smallest pool, in tensors of many blocks.
TEST_F(SaverTest, APoolThatIsTooSmallSlowsTheSaveAndNothingElse) {
  const ModelConfig model = TinyModel(700'000);
  const TinyState large(model, DType::kF32, false);  // 44 MB
  SnapshotSaverOptions options;
  options.snapshot = TinyOptions(run_, model);
  options.pool_bytes = 1;
  for (const absl::Status& status :
       RunThreadRanks(2, absl::Seconds(60), [&](Communicator& world) {
         auto saver = SnapshotSaver::Create(world, MakePosixStorage(), options);
         RETURN_IF_ERROR(saver.status());
         RankState mine(large, world.size(), world.rank());
         RETURN_IF_ERROR(Begin(**saver, mine, 1));
         mine.Scribble();
         return (*saver)->Finish();
       })) {
    EXPECT_TRUE(status.ok()) << status;
  }
  auto snapshot = Snapshot::Open(StepPath(run_, 1));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE((*snapshot)->Verify({}).ok());
  large.ExpectIn(**snapshot);
}

TEST_F(SaverTest, AFullDiskIsReportedAndTheNextSaveSucceeds) {
  auto storage = std::make_shared<FaultyStorage>();
  OnRanks(
      2, storage,
      [&](SnapshotSaver& saver, RankState& state, int rank) -> absl::Status {
        for (const uint64_t free : {uint64_t{4096}, uint64_t{1} << 40}) {
          if (rank == 0) storage->set_free_bytes(free);
          const int64_t step = free == 4096 ? 1 : 2;
          RETURN_IF_ERROR(Begin(saver, state, step));
          RETURN_IF_ERROR(saver.Finish());
        }
        const std::vector<SaveReport> reports = saver.TakeReports();
        EXPECT_EQ(reports.size(), 2u);
        EXPECT_TRUE(absl::IsAborted(reports.at(0).status));
        EXPECT_THAT(std::string(reports[0].status.message()),
                    HasSubstr("snapshot of step 1"));
        EXPECT_TRUE(reports[1].status.ok()) << reports[1].status;
        return absl::OkStatus();
      });
  EXPECT_THAT(SnapshotNames(run_), ElementsAre("step-000000002"));
  ExpectSaved(2);
}

// Whatever call fails, on whichever rank: told to all, nothing left, and the
// next save works.
TEST_F(SaverTest, AFailingWriteIsReportedToAllAndNothingIsLeft) {
  int n = 1;
  bool tripped = true;
  for (; tripped && n < 500; n += 3) {
    auto storage =
        std::make_shared<FaultyStorage>(FaultyStorage::Fault::kSyncFails, n);
    std::mutex mutex;
    std::vector<absl::Status> first;
    OnRanks(
        2, storage,
        [&](SnapshotSaver& saver, RankState& state, int) -> absl::Status {
          RETURN_IF_ERROR(Begin(saver, state, 1));
          RETURN_IF_ERROR(saver.Finish());
          RETURN_IF_ERROR(Begin(saver, state, 2));
          RETURN_IF_ERROR(saver.Finish());
          const std::lock_guard lock(mutex);
          const auto reports = saver.TakeReports();
          EXPECT_EQ(reports.size(), 2u);
          first.push_back(reports.at(0).status);
          // The fault strikes once.
          EXPECT_TRUE(reports.at(0).status.ok() || reports.at(1).status.ok())
              << reports[1].status;
          return absl::OkStatus();
        });
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0], first[1]);
    tripped = storage->tripped();
    for (const std::string& name : SnapshotNames(run_)) {
      EXPECT_TRUE(ParseSnapshotName(name).has_value()) << n << ": " << name;
      ExpectSaved(*ParseSnapshotName(name));
    }
    ASSERT_TRUE(RemoveTree(JoinPath(run_, kSnapshotsDirectory)).ok());
  }
  EXPECT_GT(n, 10);
  EXPECT_FALSE(tripped);
}

// A disk that hangs.
class StuckStorage : public FaultyStorage {
 public:
  absl::StatusOr<std::unique_ptr<StorageFile>> Open(
      absl::string_view path) override {
    while (stuck) absl::SleepFor(absl::Milliseconds(5));
    return FaultyStorage::Open(path);
  }
  std::atomic<bool> stuck = true;
};

TEST_F(SaverTest, ADiskThatHangsIsGivenUpAfterTheDeadline) {
  drain_ = absl::Milliseconds(200);
  auto storage = std::make_shared<StuckStorage>();
  OnRanks(2, storage,
          [&](SnapshotSaver& saver, RankState& state, int) -> absl::Status {
            RETURN_IF_ERROR(Begin(saver, state, 1));
            const absl::Status status = saver.Finish();
            EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
            EXPECT_THAT(std::string(status.message()),
                        HasSubstr("snapshot.drain_seconds"));
            return absl::OkStatus();
          });
  // Threads that were left behind end by themselves.
  storage->stuck = false;
  while (storage.use_count() > 1) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_THAT(SnapshotNames(run_), ElementsAre(HasSubstr(".tmp")));
}

TEST_F(SaverTest, ADeadPeerEndsTheOthersWait) {
  SnapshotSaverOptions options;
  options.snapshot = TinyOptions(run_);
  const auto statuses = RunThreadRanks(
      3, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
        auto saver = SnapshotSaver::Create(world, MakePosixStorage(), options);
        RETURN_IF_ERROR(saver.status());
        RankState mine(state_, world.size(), world.rank());
        RETURN_IF_ERROR(Begin(**saver, mine, 1));
        if (world.rank() == 1) return absl::InternalError("this rank died");
        return (*saver)->Finish();
      });
  EXPECT_TRUE(absl::IsInternal(statuses[1]));
  EXPECT_FALSE(statuses[0].ok());
  EXPECT_FALSE(statuses[2].ok());
}

TEST_F(SaverTest, RanksWithDifferentPlansAreTold) {
  const auto statuses = RunThreadRanks(
      2, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
        SnapshotSaverOptions options;
        options.snapshot = TinyOptions(run_);
        auto saver = SnapshotSaver::Create(world, MakePosixStorage(), options);
        RETURN_IF_ERROR(saver.status());
        const TinyState other(TinyModel(), DType::kF32, true);
        RankState mine(world.rank() == 0 ? state_ : other, world.size(),
                       world.rank());
        return Begin(**saver, mine, 1);
      });
  for (const absl::Status& status : statuses) {
    EXPECT_TRUE(absl::IsInternal(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("another plan"));
  }
}

size_t OpenDescriptors() {
  return ListDirectory("/proc/self/fd").value().size();
}

// The address sanitizer keeps what was freed, and has a leak check of its own.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kMemoryIsGivenBack = false;
#else
constexpr bool kMemoryIsGivenBack = true;
#endif

size_t ResidentPages() {
  size_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident;
}

TEST_F(SaverTest, FiftySavesLeakNeitherDescriptorsNorMemory) {
  OnRanks(1, MakePosixStorage(),
          [&](SnapshotSaver& saver, RankState& state, int) -> absl::Status {
            size_t descriptors = 0, pages = 0;
            for (int step = 1; step <= 60; ++step) {
              RETURN_IF_ERROR(Begin(saver, state, step));
              RETURN_IF_ERROR(saver.Finish());
              EXPECT_TRUE(saver.TakeReports().at(0).status.ok());
              if (step == 10) {
                descriptors = OpenDescriptors();
                pages = ResidentPages();
              }
            }
            EXPECT_EQ(OpenDescriptors(), descriptors);
            if (kMemoryIsGivenBack) {
              EXPECT_LT(ResidentPages(), pages + 512);  // 2 MiB
            }
            return absl::OkStatus();
          });
}

}  // namespace
}  // namespace perdure
