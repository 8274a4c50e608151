#include "launcher/supervisor/detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launcher/supervisor/tables.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Four ranks on two hosts, started at 0, which have made steps of 0.1 s until
// `now_`.
class DetectorTest : public ::testing::Test {
 protected:
  DetectorTest() : budgets_(BudgetOptions()) {
    table_.Begin(1, 4, 0);
    for (int step = 0; step <= 30; ++step) {
      now_ = 20 + 0.1 * step;
      for (int r = 0; r < 4; ++r) {
        Heartbeat beat = Of(r);
        beat.set_step(step);
        Hear(beat, now_, &table_);
      }
      budgets_.Learn(table_);
    }
  }
  static Heartbeat Of(int rank) {
    return BeatOf(rank, rank < 2 ? "node0" : "node1");
  }
  // All ranks go on beating for `seconds`, each as `beat` has it at first.
  void Beat(const std::vector<Heartbeat>& beats, double seconds) {
    const double began = now_;
    while (now_ < began + seconds) {
      now_ += 0.1;
      for (Heartbeat beat : beats) {
        const double passed = now_ - began;
        beat.set_step_age(beat.step_age() + passed);
        beat.set_phase_age(beat.phase_age() + passed);
        beat.set_collective_age(beat.collective_age() + passed);
        Hear(beat, now_, &table_);
      }
    }
  }
  std::vector<Heartbeat> All() const { return {Of(0), Of(1), Of(2), Of(3)}; }
  std::optional<Verdict> Look() const { return Detect(table_, budgets_, now_); }

  Budgets budgets_;
  RankTable table_;
  double now_ = 0;
};

TEST_F(DetectorTest, NothingIsWrongWhileAllAreHeardAndMove) {
  EXPECT_EQ(Look(), std::nullopt);
}

TEST_F(DetectorTest, StepLearnedFromTheRunMakesItPatient) {
  // Steps of 0.1 s: the least budget, 1.5 s, counts.
  Beat(All(), 1.2);
  EXPECT_FALSE(Look().has_value());
  Beat(All(), 1.8);
  EXPECT_TRUE(Look().has_value());
}

TEST_F(DetectorTest, RankThatIsNotHeardAmongOthersOfItsHost) {
  Beat({Of(0), Of(2), Of(3)}, 1.2);
  const std::optional<Verdict> verdict = Look();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kRankSilent);
  EXPECT_THAT(verdict->ranks, ElementsAre(1));
  EXPECT_THAT(verdict->hosts, ElementsAre("node0"));
}

TEST_F(DetectorTest, HostOfWhichNothingIsHeard) {
  Beat({Of(0), Of(1)}, 1.2);
  const std::optional<Verdict> verdict = Look();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kNodeSilent);
  EXPECT_THAT(verdict->ranks, ElementsAre(2, 3));
  EXPECT_THAT(verdict->hosts, ElementsAre("node1"));
}

TEST_F(DetectorTest, RanksOfALostHostThatBeatAtDifferentTimes) {
  Beat({Of(0), Of(1), Of(2)}, 0.2);
  Beat({Of(0), Of(1)}, 0.9);  // rank 3 silent for 1.1 s, rank 2 for 0.9 s
  const std::optional<Verdict> verdict = Look();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kNodeSilent);
  EXPECT_THAT(verdict->ranks, ElementsAre(2, 3));
}

TEST_F(DetectorTest, RankThatComputesForEverWhileOthersWait) {
  std::vector<Heartbeat> beats = All();
  for (const int r : {0, 1, 3}) Wait("world", 7, 0, &beats[r]);
  Beat(beats, 2);
  const std::optional<Verdict> verdict = Look();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kHang);
  EXPECT_THAT(verdict->ranks, ElementsAre(2));
  EXPECT_THAT(verdict->what, HasSubstr("ranks 0, 1, 3 wait for it"));
}

TEST_F(DetectorTest, RanksInDifferentCallsOfOneGroup) {
  std::vector<Heartbeat> beats = All();
  for (int r = 0; r < 4; ++r) Wait("world", r == 3 ? 8 : 7, 0, &beats[r]);
  Beat(beats, 2);
  const std::optional<Verdict> verdict = Look();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kDesync);
  EXPECT_THAT(verdict->ranks, ElementsAre(0, 3));
  EXPECT_THAT(verdict->what, HasSubstr("AllReduce #7"));
  EXPECT_THAT(verdict->what, HasSubstr("AllReduce #8"));
}

TEST_F(DetectorTest, AllWaitAlikeIsTheNetwork) {
  std::vector<Heartbeat> beats = All();
  for (Heartbeat& beat : beats) Wait("world", 7, 0, &beat);
  Beat(beats, 2);
  const std::optional<Verdict> verdict = Look();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kStuckNetwork);
}

TEST_F(DetectorTest, EndsOfMessagesAreNotCompared) {
  std::vector<Heartbeat> beats = All();
  for (int r = 0; r < 4; ++r) {
    Wait("pp[0]", static_cast<uint64_t>(r), 0, &beats[r]);
    beats[r].set_operation(r == 0 ? "Send" : "Receive");
  }
  Beat(beats, 2);
  const std::optional<Verdict> verdict = Look();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kStuckNetwork);
}

TEST_F(DetectorTest, LongPhasesAreNoHang) {
  for (const Phase phase : {Phase::kEvaluate, Phase::kSave, Phase::kLoad}) {
    std::vector<Heartbeat> beats = All();
    for (Heartbeat& beat : beats) beat.set_phase(static_cast<uint32_t>(phase));
    Beat(beats, 30);
    EXPECT_EQ(Look(), std::nullopt) << PhaseName(phase);
  }
}

TEST_F(DetectorTest, OneRankThatStillSavesMakesTheOthersPatient) {
  std::vector<Heartbeat> beats = All();
  for (const int r : {1, 2, 3}) Wait("world", 7, 0, &beats[r]);
  beats[0].set_phase(static_cast<uint32_t>(Phase::kSave));
  Beat(beats, 30);
  EXPECT_EQ(Look(), std::nullopt);
}

TEST_F(DetectorTest, FinishedRanksAreNeitherSilentNorStuck) {
  std::vector<Heartbeat> beats = All();
  for (Heartbeat& beat : beats) beat.set_exit_code(0);
  Beat(beats, 0.2);
  now_ += 30;
  EXPECT_EQ(Look(), std::nullopt);
}

TEST_F(DetectorTest, SupervisorThatWasAwayBlamesNobody) {
  now_ += 100;
  table_.Forgive(now_);
  EXPECT_EQ(Look(), std::nullopt);
}

TEST(DetectorStartTest, RankNeverHeardOf) {
  RankTable table;
  table.Begin(1, 2, 0);
  const Budgets budgets{BudgetOptions()};
  Hear(BeatOf(0, "node0"), 59.9, &table);
  EXPECT_EQ(Detect(table, budgets, 60), std::nullopt);
  Hear(BeatOf(0, "node0"), 60.9, &table);
  const std::optional<Verdict> verdict = Detect(table, budgets, 61);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kStart);
  EXPECT_THAT(verdict->ranks, ElementsAre(1));
}

TEST(RankTableTest, CountsWhatItDrops) {
  RankTable table;
  table.Begin(1, 2, 0);
  Heartbeat beat = BeatOf(0, "node0");
  beat.set_number(5);
  EXPECT_TRUE(table.Update(beat, 1));
  EXPECT_FALSE(table.Update(beat, 1));
  beat.set_number(4);
  EXPECT_FALSE(table.Update(beat, 1));
  beat.set_generation(2);
  EXPECT_FALSE(table.Update(beat, 1));
  beat = BeatOf(7, "node0");
  EXPECT_FALSE(table.Update(beat, 1));
  beat = BeatOf(1, "node0");
  beat.set_phase(99);
  EXPECT_FALSE(table.Update(beat, 1));
  EXPECT_EQ(table.dropped().replayed, 2);
  EXPECT_EQ(table.dropped().old, 1);
  EXPECT_EQ(table.dropped().malformed, 2);
}

}  // namespace
}  // namespace perdure
