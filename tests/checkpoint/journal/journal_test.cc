// A run directory's logs together: generations after generations, zombies,
// damage, two launches at once.

#include "checkpoint/journal/journal.h"

#include <limits>

#include "checkpoint/format/forwarding_storage.h"
#include "checkpoint/journal/frames.h"
#include "checkpoint/journal/names.h"
#include "checkpoint/journal/step_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/journal/tiny_log.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class JournalTest : public testing::Test {
 protected:
  using Log = std::unique_ptr<GenerationLog>;

  // Goes on behind `step` of what the directory has.
  absl::StatusOr<Log> Begin(int64_t step) {
    const auto journal = Journal::Open(run_);
    if (!journal.ok()) return journal.status();
    return BeginGeneration(*disk_, *journal, 0, step, TinyHeader());
  }
  static void Append(GenerationLog& log, int64_t from, int64_t to,
                     double loss = 0) {
    for (int64_t s = from; s <= to; ++s) {
      StepRecord step = ZerothOrderStep(s);
      if (loss != 0) step.loss = loss;
      ASSERT_TRUE(log.AppendStep(step).ok());
    }
  }
  // What a process that knows of no newer generation does.
  void AppendAsZombie(int64_t generation, int64_t step, double loss) {
    const std::string path = JournalPath(run_, generation);
    std::string bytes = *ReadFile(path);
    const auto scan = ScanSteps(bytes).scan;
    StepRecord record = ZerothOrderStep(step);
    record.loss = loss;
    JournalRecord message;
    *message.mutable_step() = EncodeStep(record);
    bytes.resize(scan->end.bytes);
    AppendFrame(scan->after_header.checksum, bytes.size(),
                message.SerializeAsString(), &bytes);
    ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  }
  // Losses by step after `after`.
  std::vector<std::pair<int64_t, double>> Steps(int64_t after = 0) {
    std::vector<std::pair<int64_t, double>> found;
    warnings_.clear();
    const auto journal = Journal::Open(run_);
    EXPECT_TRUE(journal.ok()) << journal.status();
    const auto steps = journal->Steps(after, &warnings_);
    EXPECT_TRUE(steps.ok()) << steps.status();
    for (const StepRecord& step : steps->records()) {
      found.emplace_back(step.step, step.loss);
    }
    return found;
  }
  std::vector<int64_t> StepNumbers(int64_t after = 0) {
    std::vector<int64_t> numbers;
    for (const auto& [step, loss] : Steps(after)) numbers.push_back(step);
    return numbers;
  }

  ScratchDirectory scratch_;
  const std::string run_ = scratch_.path();
  const std::unique_ptr<Storage> disk_ = MakePosixStorage();
  std::vector<std::string> warnings_;
};

TEST_F(JournalTest, SuspectStepsAreThoseOfTheNewestGenerationAlone) {
  auto log = Begin(0);
  ASSERT_TRUE(log.ok());
  Append(**log, 1, 9);
  EXPECT_EQ(*Journal::Open(run_)->TrustedStep(),
            std::numeric_limits<int64_t>::max());
  ASSERT_TRUE((*log)->AppendEvent(JournalEvent::SUSPECT, 6, "why").ok());
  EXPECT_EQ(*Journal::Open(run_)->TrustedStep(), 6);
  // Once a generation goes on behind the trusted step, all is well.
  log = Begin(6);
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(*Journal::Open(run_)->TrustedStep(),
            std::numeric_limits<int64_t>::max());
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(JournalTest, ADirectoryWithoutLogsIsEmpty) {
  const auto journal = Journal::Open(run_);
  ASSERT_TRUE(journal.ok());
  EXPECT_TRUE(journal->empty());
  EXPECT_EQ(journal->highest_generation(), 0);
  EXPECT_TRUE(journal->lineage().Allows(3, 17));
}

TEST_F(JournalTest, StepsOfThreeGenerationsFollowOneAnother) {
  Log log = *Begin(0);
  Append(*log, 1, 5);
  log = *Begin(5);
  Append(*log, 6, 8);
  log = *Begin(8);
  Append(*log, 9, 9);
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(StepNumbers(7), ElementsAre(8, 9));
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(Journal::Open(run_)->head().parent_generation(), 2);
}

// As a first-order run does that goes back to its snapshot at step 3.
TEST_F(JournalTest, StepsBehindTheForkAreThoseOfTheNewestGeneration) {
  Log log = *Begin(0);
  Append(*log, 1, 5, 1.0);
  log = *Begin(3);
  Append(*log, 4, 4, 2.0);
  EXPECT_THAT(Steps(2), ElementsAre(std::pair(3, 1.0), std::pair(4, 2.0)));
  const auto journal = Journal::Open(run_);
  EXPECT_TRUE(journal->lineage().Allows(1, 3));
  EXPECT_FALSE(journal->lineage().Allows(1, 4));
  EXPECT_TRUE(journal->lineage().Allows(2, 4));
}

// A launch that was frozen, given up, and thaws: it writes on in its own log.
TEST_F(JournalTest, NothingThatAZombieWritesIsRead) {
  Log log = *Begin(0);
  Append(*log, 1, 5, 1.0);
  Log newer = *Begin(5);
  AppendAsZombie(1, 6, 666);
  AppendAsZombie(1, 7, 666);
  EXPECT_EQ(Steps().back(), std::pair(int64_t{5}, 1.0));
  Append(*newer, 6, 6, 2.0);
  AppendAsZombie(1, 8, 666);
  EXPECT_EQ(Steps().back(), std::pair(int64_t{6}, 2.0));
  // A third start goes on from the second.
  log = *Begin(6);
  AppendAsZombie(1, 9, 666);
  AppendAsZombie(2, 7, 666);
  Append(*log, 7, 7, 3.0);
  EXPECT_THAT(Steps(4), ElementsAre(std::pair(5, 1.0), std::pair(6, 2.0),
                                    std::pair(7, 3.0)));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(JournalTest, ATornHeaderIsNoGeneration) {
  Log log = *Begin(0);
  Append(*log, 1, 2);
  ASSERT_TRUE(WriteFileAtomically(JournalPath(run_, 2), "PERDJRN1torn").ok());
  ASSERT_TRUE(WriteFileAtomically(JournalPath(run_, 3), "").ok());
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2));
  EXPECT_EQ((*Begin(2))->generation(), 4);
  EXPECT_EQ(Journal::Open(run_)->head().parent_generation(), 1);
}

TEST_F(JournalTest, AGenerationThatNeverStepsIsALinkLikeAnyOther) {
  Log log = *Begin(0);
  Append(*log, 1, 2);
  ASSERT_TRUE(Begin(2).ok());
  ASSERT_TRUE(Begin(2).ok());
  log = *Begin(2);
  Append(*log, 3, 3);
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3));
  EXPECT_EQ(Journal::Open(run_)->lineage().links().size(), 4u);
}

TEST_F(JournalTest, WhatIsWrittenAfterOpenDoesNotShow) {
  Log log = *Begin(0);
  Append(*log, 1, 2);
  const auto journal = Journal::Open(run_);
  Append(*log, 3, 4);
  EXPECT_EQ(journal->Steps(0, &warnings_)->last(), 2);
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3, 4));
}

// --resume while the run is alive: the second launch is refused, and every step
// that the first had told by then is there for the third.
TEST_F(JournalTest, ASecondLaunchOfALiveRunIsRefused) {
  Log log = *Begin(0);
  Append(*log, 1, 2);
  const auto seen = Journal::Open(run_);
  Append(*log, 3, 3);
  const absl::Status refused =
      BeginGeneration(*disk_, *seen, 0, 2, TinyHeader()).status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("alive"));
  Append(*log, 4, 4);
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3, 4));
}

// Appends a step to generation 1 in the moment that generation 2 is made.
class RacingStorage : public ForwardingStorage {
 public:
  RacingStorage(Storage& disk, std::function<void()> race)
      : ForwardingStorage(disk), race_(std::move(race)) {}
  absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) override {
    if (race_) race_();
    race_ = nullptr;
    return ForwardingStorage::Create(path);
  }

 private:
  std::function<void()> race_;
};

TEST_F(JournalTest, AStepToldWhileTheNextGenerationBeginsIsNotLost) {
  Log log = *Begin(0);
  Append(*log, 1, 2);
  const auto seen = Journal::Open(run_);
  RacingStorage racing(*disk_, [&] { Append(*log, 3, 3); });
  const absl::Status refused =
      BeginGeneration(racing, *seen, 0, 2, TinyHeader()).status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_TRUE(absl::IsAlreadyExists(log->AppendStep(ZerothOrderStep(4))));
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3));
  log = *Begin(3);
  Append(*log, 4, 4);
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3, 4));
}

TEST_F(JournalTest, ADamagedRecordIsMissingAndSaid) {
  Log log = *Begin(0);
  Append(*log, 1, 4);
  std::string bytes = *ReadFile(log->path());
  const std::string second = EncodeStep(ZerothOrderStep(2)).SerializeAsString();
  const size_t at = bytes.find(second);
  ASSERT_NE(at, std::string::npos);
  bytes[at + 3] = static_cast<char>(bytes[at + 3] ^ 1);
  ASSERT_TRUE(WriteFileAtomically(log->path(), bytes).ok());
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 3, 4));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("1 damaged places")));
}

TEST_F(JournalTest, ATornTailIsSaid) {
  Log log = *Begin(0);
  Append(*log, 1, 4);
  const std::string bytes = *ReadFile(log->path());
  ASSERT_TRUE(
      WriteFileAtomically(log->path(), bytes.substr(0, bytes.size() - 3)).ok());
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("no record")));
}

TEST_F(JournalTest, AParentThatIsShorterThanItsForkIsSaid) {
  Log log = *Begin(0);
  Append(*log, 1, 4);
  const std::string parent = log->path();
  log = *Begin(4);
  Append(*log, 5, 5);
  const std::string bytes = *ReadFile(parent);
  ASSERT_TRUE(
      WriteFileAtomically(parent, bytes.substr(0, bytes.size() - 3)).ok());
  EXPECT_THAT(StepNumbers(), ElementsAre(1, 2, 3, 5));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("gen-1.log")));
}

TEST_F(JournalTest, ALogUnderAWrongNameIsDataLoss) {
  Log log = *Begin(0);
  ASSERT_TRUE(RenameDurably(log->path(), JournalPath(run_, 3)).ok());
  const absl::Status status = Journal::Open(run_).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("generation 1"));
}

// A run from before there were journals: its snapshots count, its number goes
// on.
TEST_F(JournalTest, ARunOlderThanItsJournalGoesOn) {
  const auto journal = Journal::Open(run_);
  JournalHeader header = TinyHeader();
  header.set_parent_generation(3);
  const auto log = BeginGeneration(*disk_, *journal, 3, 40, header);
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ((*log)->generation(), 4);
  Append(**log, 41, 42);
  EXPECT_THAT(StepNumbers(40), ElementsAre(41, 42));
  const Lineage lineage = Journal::Open(run_)->lineage();
  EXPECT_TRUE(lineage.Allows(3, 40));
  EXPECT_TRUE(lineage.Allows(1, 10));
  EXPECT_FALSE(lineage.Allows(3, 50));
}

}  // namespace
}  // namespace perdure
