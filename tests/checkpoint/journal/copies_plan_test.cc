// Which node's logs count, and who is given what.

#include "checkpoint/journal/copies_plan.h"

#include "checkpoint/journal/names.h"
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

// A log that is whole: `bytes` of the launch `key`.
JournalOffer::Log Log(int64_t generation, uint64_t key, uint64_t bytes,
                      int64_t last_step, int64_t parent = 0) {
  JournalOffer::Log log;
  log.set_generation(generation);
  log.set_key(key);
  log.set_unbroken_bytes(bytes);
  log.set_end_bytes(bytes);
  log.set_end_checksum(key + bytes);
  log.set_last_step(last_step);
  log.set_run_id("run");
  log.set_parent_generation(parent);
  return log;
}

JournalOffer Offer(const std::string& host,
                   const std::vector<JournalOffer::Log>& logs) {
  JournalOffer offer;
  offer.set_host(host);
  for (const JournalOffer::Log& log : logs) {
    *offer.add_logs() = log;
    offer.set_highest_generation(
        std::max(offer.highest_generation(), log.generation()));
  }
  return offer;
}

std::vector<std::string> Moves(const absl::StatusOr<CopiesPlan>& plan) {
  EXPECT_TRUE(plan.ok()) << plan.status();
  std::vector<std::string> moves;
  for (const LogMove& move : plan->moves) {
    moves.push_back("gen-" + std::to_string(move.generation) + " " +
                    std::to_string(move.from) + ">" + std::to_string(move.to) +
                    " " + std::to_string(move.bytes));
  }
  return moves;
}

TEST(CopiesPlanTest, NothingAnywhereNothingToDo) {
  const auto plan = PlanCopies({Offer("a", {}), Offer("b", {})}, {0, 1});
  EXPECT_THAT(Moves(plan), IsEmpty());
  EXPECT_EQ(plan->highest_generation, 0);
}

TEST(CopiesPlanTest, EqualCopiesStay) {
  const auto log = Log(1, 7, 900, 10);
  EXPECT_THAT(Moves(PlanCopies({Offer("a", {log}), Offer("b", {log})}, {0, 1})),
              IsEmpty());
}

TEST(CopiesPlanTest, ALostCopyIsMadeAgainOldestGenerationFirst) {
  const auto one = Log(1, 7, 900, 10), two = Log(2, 8, 500, 14, 1);
  const auto plan =
      PlanCopies({Offer("new", {}), Offer("b", {two, one})}, {0, 1});
  EXPECT_THAT(Moves(plan), ElementsAre("gen-1 1>0 900", "gen-2 1>0 500"));
  EXPECT_EQ(plan->moves[1].checksum, 508u);
  EXPECT_EQ(plan->moves[1].key, 8u);
  EXPECT_EQ(plan->highest_generation, 2);
}

TEST(CopiesPlanTest, TheLongerVersionOfALogCounts) {
  EXPECT_THAT(Moves(PlanCopies({Offer("a", {Log(1, 7, 900, 10)}),
                                Offer("b", {Log(1, 7, 990, 11)}),
                                Offer("c", {Log(1, 7, 800, 9)})},
                               {0, 1})),
              ElementsAre("gen-1 1>0 990"));
}

TEST(CopiesPlanTest, AnUndamagedBeginningCountsMoreThanLength) {
  JournalOffer::Log damaged = Log(1, 7, 990, 11);
  damaged.set_unbroken_bytes(300);
  EXPECT_THAT(
      Moves(PlanCopies(
          {Offer("a", {damaged}), Offer("b", {Log(1, 7, 900, 10)})}, {0, 1})),
      ElementsAre("gen-1 1>0 900"));
}

TEST(CopiesPlanTest, ANewerGenerationElsewhereCountsAndItsNodeNeedsNoPart) {
  // The second copy was on c; now b is to keep it.
  const auto one = Log(1, 7, 900, 10), two = Log(2, 8, 500, 14, 1);
  EXPECT_THAT(
      Moves(PlanCopies(
          {Offer("a", {one}), Offer("b", {}), Offer("c", {one, two})}, {0, 1})),
      ElementsAre("gen-1 0>1 900", "gen-2 2>0 500", "gen-2 2>1 500"));
}

TEST(CopiesPlanTest, ALogThatIsNotOfTheLineStays) {
  // Generation 2 was given up: 3 goes on from 1.
  EXPECT_THAT(
      Moves(PlanCopies({Offer("a", {}),
                        Offer("b", {Log(1, 7, 900, 10), Log(2, 8, 500, 14, 1),
                                    Log(3, 9, 400, 12, 1)})},
                       {0, 1})),
      ElementsAre("gen-1 1>0 900", "gen-3 1>0 400"));
}

TEST(CopiesPlanTest, ALogThatWasBegunOnOneNodeOnlyGivesWay) {
  const auto one = Log(1, 7, 900, 10);
  EXPECT_THAT(Moves(PlanCopies({Offer("a", {one, Log(2, 8, 300, 0, 1)}),
                                Offer("b", {one, Log(2, 9, 500, 14, 1)})},
                               {0, 1})),
              ElementsAre("gen-2 1>0 500"));
}

TEST(CopiesPlanTest, TwoLaunchesThatWentOnSeparatelyAreRefused) {
  const auto one = Log(1, 7, 900, 10);
  const absl::Status status =
      PlanCopies({Offer("a", {one, Log(2, 8, 600, 15, 1)}),
                  Offer("b", {one, Log(2, 9, 500, 14, 1)})},
                 {0, 1})
          .status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("gen-2.log on a and on b are different logs, up to "
                        "step 15 and up to step 14"));
}

TEST(CopiesPlanTest, TheNewestGenerationsNodeKnowsItsAncestors) {
  EXPECT_THAT(Moves(PlanCopies(
                  {Offer("a", {Log(1, 6, 950, 11)}),
                   Offer("b", {Log(1, 7, 900, 10), Log(2, 8, 500, 14, 1)})},
                  {0, 1})),
              ElementsAre("gen-1 1>0 900", "gen-2 1>0 500"));
}

TEST(CopiesPlanTest, AncestorsThatNobodyKnowsAreNotGuessed) {
  const absl::Status status = PlanCopies({Offer("a", {Log(1, 6, 950, 11)}),
                                          Offer("b", {Log(2, 8, 500, 14, 1)}),
                                          Offer("c", {Log(1, 7, 900, 10)})},
                                         {0, 1})
                                  .status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("gen-1.log on c"));
}

TEST(CopiesPlanTest, AnotherRunsJournalIsRefused) {
  JournalOffer::Log other = Log(4, 7, 900, 10);
  other.set_run_id("other");
  const absl::Status status =
      PlanCopies({Offer("a", {Log(1, 7, 900, 10)}), Offer("b", {other})},
                 {0, 1})
          .status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("on a has the journal of run run, on b of run other"));
}

TEST(CopiesOfferTest, SaysWhatIsWholeOfADirectory) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(CreateDirectories(JoinPath(scratch.path(), "journal")).ok());
  const std::string whole = TinyLog(3),
                    torn = whole.substr(0, whole.size() - 9);
  const auto put = [&](int64_t generation, const std::string& bytes) {
    ASSERT_TRUE(
        WriteFileAtomically(JournalPath(scratch.path(), generation), bytes)
            .ok());
  };
  put(1, torn);
  put(9, whole.substr(0, 20));
  const auto offer = OfferOf(scratch.path(), "a");
  ASSERT_TRUE(offer.ok()) << offer.status();
  EXPECT_EQ(offer->highest_generation(), 9);
  ASSERT_EQ(offer->logs_size(), 1);
  EXPECT_EQ(offer->logs(0).last_step(), 2);
  EXPECT_EQ(offer->logs(0).end_bytes(), TinyLog(2).size());
  EXPECT_EQ(offer->logs(0).run_id(), "run");

  std::string damaged = whole;
  damaged[TinyLog(1).size() + 20] ^= 1;
  put(1, damaged);
  const auto less = OfferOf(scratch.path(), "a");
  ASSERT_TRUE(less.ok()) << less.status();
  EXPECT_EQ(less->logs(0).unbroken_bytes(), TinyLog(1).size());
  EXPECT_EQ(less->logs(0).end_bytes(), whole.size());
}

}  // namespace
}  // namespace perdure
