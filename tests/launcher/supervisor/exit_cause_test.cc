#include "launcher/supervisor/exit_cause.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launcher/supervisor/tables.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;

class ExitCauseTest : public ::testing::Test {
 protected:
  ExitCauseTest() {
    table_.Begin(1, 3, 0);
    for (int r = 0; r < 3; ++r) Hear(BeatOf(r, "node0"), 1, &table_);
  }
  void Leave(int rank, int exit_code) {
    Heartbeat beat = BeatOf(rank, "node0");
    beat.set_exit_code(exit_code);
    Hear(beat, 1, &table_);
  }
  RankTable table_;
};

TEST_F(ExitCauseTest, DoneOnceAllSaySo) {
  for (int r = 0; r < 3; ++r) Leave(r, 0);
  const ExitCause cause = ExplainExit(table_, {0, 0}, {});
  EXPECT_FALSE(cause.verdict.has_value());
  EXPECT_EQ(cause.exit_code, 0);
}

TEST_F(ExitCauseTest, StoppedOnceAllSaySo) {
  for (int r = 0; r < 3; ++r) Leave(r, 143);
  const ExitCause cause = ExplainExit(table_, {143, 0}, {});
  EXPECT_FALSE(cause.verdict.has_value());
  EXPECT_EQ(cause.exit_code, 143);
}

TEST_F(ExitCauseTest, SuccessOfMpirunAloneIsNone) {
  Leave(0, 0);
  Leave(1, 0);
  const ExitCause cause = ExplainExit(table_, {0, 0}, {});
  ASSERT_TRUE(cause.verdict.has_value());
  EXPECT_EQ(cause.verdict->fault, Fault::kNoDone);
  EXPECT_NE(cause.exit_code, 0);
}

TEST_F(ExitCauseTest, SignalIsReadFromWhatMpirunSays) {
  const ExitCause cause = ExplainExit(
      table_, {137, 0},
      {"----------",
       "mpirun noticed that process rank 2 with PID 4711 on node node0 exited "
       "on signal 9 (Killed)."});
  ASSERT_TRUE(cause.verdict.has_value());
  EXPECT_EQ(cause.verdict->fault, Fault::kCrash);
  EXPECT_THAT(cause.verdict->ranks, ElementsAre(2));
  EXPECT_EQ(cause.signal, 9);
  EXPECT_EQ(cause.verdict->step, 11);
}

TEST_F(ExitCauseTest, ErrorOfItsOwnCountsBeforeLostPeers) {
  Leave(0, 5);
  Leave(1, 3);
  const ExitCause cause = ExplainExit(table_, {5, 0}, {});
  ASSERT_TRUE(cause.verdict.has_value());
  EXPECT_THAT(cause.verdict->ranks, ElementsAre(1));
  EXPECT_EQ(cause.rank_exit_code, 3);
}

TEST_F(ExitCauseTest, ExitCodeFromMpirunsReport) {
  const ExitCause cause = ExplainExit(
      table_, {2, 0}, {"  Process name: [[38273,1],1]", "  Exit code:    2"});
  ASSERT_TRUE(cause.verdict.has_value());
  EXPECT_THAT(cause.verdict->ranks, ElementsAre(1));
  EXPECT_EQ(cause.rank_exit_code, 2);
}

TEST_F(ExitCauseTest, LostDaemonIsALostHost) {
  const ExitCause cause =
      ExplainExit(table_, {205, 0},
                  {"ORTE has lost communication with a remote daemon.", "",
                   "  HNP daemon   : [[38273,0],0] on node node0",
                   "  Remote daemon: [[38273,0],2] on node node2", ""});
  ASSERT_TRUE(cause.verdict.has_value());
  EXPECT_EQ(cause.verdict->fault, Fault::kNodeSilent);
  EXPECT_THAT(cause.verdict->hosts, ElementsAre("node2"));
}

TEST_F(ExitCauseTest, WrongResultsAreBlamedOnWhomTheRanksName) {
  Heartbeat beat = BeatOf(0, "node0");
  beat.set_exit_code(8);
  beat.add_wrong_rank(2);
  beat.set_wrong_for_certain(true);
  beat.set_wrong("after step 10 the replicas' weights differ");
  Hear(beat, 1, &table_);
  Leave(1, 5);
  const ExitCause cause = ExplainExit(table_, {8, 0}, {});
  ASSERT_TRUE(cause.verdict.has_value());
  EXPECT_EQ(cause.verdict->fault, Fault::kWrongResult);
  EXPECT_THAT(cause.verdict->ranks, ElementsAre(2));
  EXPECT_THAT(cause.verdict->hosts, ElementsAre("node0"));
  EXPECT_TRUE(cause.verdict->certain);
  EXPECT_EQ(cause.rank_exit_code, 8);
}

TEST_F(ExitCauseTest, NobodyEverHeardIsAFailedStart) {
  RankTable table;
  table.Begin(1, 3, 0);
  const ExitCause cause = ExplainExit(table, {1, 0}, {});
  ASSERT_TRUE(cause.verdict.has_value());
  EXPECT_EQ(cause.verdict->fault, Fault::kStart);
}

}  // namespace
}  // namespace perdure
