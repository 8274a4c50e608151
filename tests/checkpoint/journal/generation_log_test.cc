// Writing a log: the number is one process's, what is told is durable, and
// nothing is told that another launch does not count.

#include "checkpoint/journal/generation_log.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "checkpoint/format/forwarding_storage.h"
#include "checkpoint/journal/names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/journal/tiny_log.h"
#include "tests/checkpoint/snapshot/faulty_storage.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class GenerationLogTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<GenerationLog>> Create(Storage& storage,
                                                        int64_t above = 0) {
    return GenerationLog::Create(storage, run_, above, TinyHeader());
  }
  std::vector<int64_t> StepsOf(int64_t generation) {
    const auto bytes = ReadFile(JournalPath(run_, generation));
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return ScanSteps(*bytes).steps;
  }

  ScratchDirectory scratch_;
  const std::string run_ = scratch_.path();
  const std::unique_ptr<Storage> disk_ = MakePosixStorage();
};

TEST_F(GenerationLogTest, WhatIsAppendedIsRead) {
  auto log = Create(*disk_);
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ((*log)->generation(), 1);
  for (int64_t step : {1, 2, 3}) {
    ASSERT_TRUE((*log)->AppendStep(ZerothOrderStep(step)).ok());
    if (step == 2) {
      ASSERT_TRUE((*log)->AppendEvent(JournalEvent::DONE, 2, "text").ok());
    }
  }
  EXPECT_THAT(StepsOf(1), ElementsAre(1, 2, 0, 3));  // 0: the event
}

// A log of every released version is read for ever, and written so today: a
// change of these bytes is a new version, or an accident.
TEST_F(GenerationLogTest, VersionOneIsReadAndWrittenTheSame) {
  auto log = Create(*disk_);
  ASSERT_TRUE(log.ok()) << log.status();
  for (int64_t step : {1, 2}) {
    ASSERT_TRUE((*log)->AppendStep(ZerothOrderStep(step)).ok());
  }
  const auto today = ReadFile((*log)->path());
  const auto fixture = ReadFile(absl::StrCat(
      PERDURE_SOURCE_DIR, "/tests/checkpoint/fixtures/v1/journal/gen-1.log"));
  ASSERT_TRUE(today.ok() && fixture.ok()) << fixture.status();
  // Behind the steps it has an event, which says when it was.
  EXPECT_TRUE(absl::StartsWith(*fixture, *today));
  EXPECT_THAT(ScanSteps(*fixture).steps, ElementsAre(1, 2, 0));
}

TEST_F(GenerationLogTest, TheFirstFreeNumberIsTaken) {
  EXPECT_EQ((*Create(*disk_))->generation(), 1);
  EXPECT_EQ((*Create(*disk_))->generation(), 2);
  EXPECT_EQ((*Create(*disk_, 5))->generation(), 6);
  // A torn header, and whatever else may have the name, keeps its number.
  ASSERT_TRUE(WriteFileAtomically(JournalPath(run_, 7), "").ok());
  EXPECT_EQ((*Create(*disk_, 6))->generation(), 8);
}

TEST_F(GenerationLogTest, ANewerGenerationEndsTheOlder) {
  auto older = Create(*disk_);
  ASSERT_TRUE((*older)->AppendStep(ZerothOrderStep(1)).ok());
  auto newer = Create(*disk_, 1);
  const absl::Status status = (*older)->AppendStep(ZerothOrderStep(2));
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_EQ(ExitCode(status), 76);
  EXPECT_THAT(std::string(status.message()), HasSubstr("gen-2.log"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("step 2 is not counted"));
  EXPECT_EQ((*older)->CheckNewest().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE((*newer)->AppendStep(ZerothOrderStep(2)).ok());
}

// After an error nothing more is written: a later record must not stand behind
// a hole.
TEST_F(GenerationLogTest, AFullDiskStopsTheLogForGood) {
  for (auto fault :
       {FaultyStorage::Fault::kDiskFull, FaultyStorage::Fault::kShortWrite}) {
    bool failed = false;
    for (int n = 1; n < 12; ++n) {
      ASSERT_TRUE(RemoveTree(JoinPath(run_, kJournalDirectory)).ok());
      FaultyStorage storage(fault, n);
      auto log = Create(storage);
      if (!log.ok()) {
        EXPECT_EQ(ExitCode(log.status()), 7) << log.status();
        continue;
      }
      std::vector<int64_t> told;
      for (int64_t step = 1; step <= 3; ++step) {
        const absl::Status status = (*log)->AppendStep(ZerothOrderStep(step));
        if (status.ok()) {
          told.push_back(step);
          continue;
        }
        failed = true;
        EXPECT_EQ(ExitCode(status), 7) << status;
        EXPECT_THAT(std::string(status.message()), HasSubstr("not counted"));
        EXPECT_THAT(std::string(status.message()), HasSubstr("gen-1.log"));
      }
      // A record whose sync failed may be whole: it was not told, but counts.
      const std::vector<int64_t> found = StepsOf(1);
      ASSERT_GE(found.size(), told.size()) << n;
      EXPECT_LE(found.size(), told.size() + 1) << n;
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i], static_cast<int64_t>(i) + 1);
      }
    }
    EXPECT_TRUE(failed);
  }
}

// Knows how much of its one file is synced: what a crash of the machine leaves
// at least.
class SyncedStorage : public FaultyStorage {
 public:
  class SyncedFile : public ForwardingFile {
   public:
    SyncedFile(std::unique_ptr<StorageFile> file, SyncedStorage* storage)
        : ForwardingFile(std::move(file)), storage_(storage) {}
    absl::Status WriteAt(uint64_t offset, const void* data,
                         size_t size) override {
      written_ = std::max(written_, offset + size);
      return ForwardingFile::WriteAt(offset, data, size);
    }
    absl::Status Sync() override {
      ++storage_->syncs;
      storage_->synced_bytes = written_;
      return ForwardingFile::Sync();
    }

   private:
    SyncedStorage* storage_;
    uint64_t written_ = 0;
  };
  absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) override {
    auto file = FaultyStorage::Create(path);
    if (!file.ok()) return file.status();
    return std::make_unique<SyncedFile>(*std::move(file), this);
  }
  int syncs = 0;
  uint64_t synced_bytes = 0;
};

// The machine goes down after any step: with a group of n steps, no more than
// n - 1 of those that were told are gone.
TEST_F(GenerationLogTest, StepsAreSyncedOneByOneOrInGroups) {
  for (const auto& [group, syncs] :
       std::vector<std::pair<int, int>>{{1, 10}, {4, 2}, {100, 0}}) {
    ASSERT_TRUE(RemoveTree(JoinPath(run_, kJournalDirectory)).ok());
    SyncedStorage storage;
    auto log = Create(storage);
    (*log)->SyncEvery(group);
    storage.syncs = 0;
    for (int64_t step = 1; step <= 10; ++step) {
      ASSERT_TRUE((*log)->AppendStep(ZerothOrderStep(step)).ok());
      const std::string left =
          ReadFile((*log)->path())->substr(0, storage.synced_bytes);
      EXPECT_EQ(ScanSteps(left).steps.size(),
                static_cast<size_t>(step / group * group));
    }
    EXPECT_EQ(storage.syncs, syncs);
    ASSERT_TRUE((*log)->Sync().ok());
    EXPECT_EQ(storage.syncs, syncs + 1);
    EXPECT_EQ(StepsOf(1).size(), 10u);
  }
}

}  // namespace
}  // namespace perdure
