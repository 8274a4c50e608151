#include "launcher/supervisor/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using ::testing::HasSubstr;

// Generation that failed after step `last`, `first` being done before it.
GenerationEnd Failed(int64_t first, int64_t last, int rank, int signal) {
  GenerationEnd end;
  end.exit_code = 128 + signal;
  end.signal = signal;
  end.first_step = first;
  end.last_step = last;
  end.verdict = Verdict{Fault::kCrash, {rank}, {"a"}, "", last + 1};
  return end;
}

TEST(PolicyTest, OrderlyEndsAreNotRestarted) {
  Policy policy({});
  GenerationEnd end;
  EXPECT_FALSE(policy.Decide(end).restart);
  EXPECT_EQ(policy.Decide(end).exit_code, 0);
  end.exit_code = 143;
  EXPECT_EQ(policy.Decide(end).exit_code, 143);
}

TEST(PolicyTest, PlannedMoveIsNoRestart) {
  Policy policy({/*max_restarts=*/0, /*max_no_progress=*/3});
  GenerationEnd end;
  end.exit_code = 143;
  end.planned = true;
  EXPECT_TRUE(policy.Decide(end).restart);
  EXPECT_EQ(policy.restarts(), 0);
  // The run was done before it was asked to end.
  end.exit_code = 0;
  EXPECT_FALSE(policy.Decide(end).restart);
}

TEST(PolicyTest, RanksLostWhileTheyWereAskedToMoveAreAFailure) {
  Policy policy({});
  GenerationEnd end = Failed(0, 7, 2, 9);
  end.planned = true;
  EXPECT_TRUE(policy.Decide(end).restart);
  EXPECT_EQ(policy.restarts(), 1);
}

TEST(PolicyTest, CrashesAreRestartedUntilTheBudgetIsSpent) {
  Policy policy({/*max_restarts=*/3, /*max_no_progress=*/3});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(policy.Decide(Failed(10 * i, 10 * i + 5, i, 9)).restart);
  }
  const Decision last = policy.Decide(Failed(30, 35, 0, 9));
  EXPECT_FALSE(last.restart);
  EXPECT_EQ(last.exit_code, kExitRestartsSpent);
}

TEST(PolicyTest, SameRankStepAndSignalTwiceIsTheProgram) {
  Policy policy({});
  EXPECT_TRUE(policy.Decide(Failed(0, 7, 2, 11)).restart);
  const Decision again = policy.Decide(Failed(7, 7, 2, 11));
  EXPECT_FALSE(again.restart);
  EXPECT_EQ(again.exit_code, kExitNoProgress);
  EXPECT_THAT(again.why, HasSubstr("rank 2 failed at step 8"));
}

TEST(PolicyTest, AnotherRankAtTheSameStepIsNot) {
  Policy policy({});
  EXPECT_TRUE(policy.Decide(Failed(0, 7, 2, 9)).restart);
  EXPECT_TRUE(policy.Decide(Failed(7, 7, 1, 9)).restart);
}

TEST(PolicyTest, WrongResultsTwiceOnOneHostAreTheProgram) {
  GenerationEnd end = Failed(0, 7, 2, 0);
  end.verdict->fault = Fault::kWrongResult;
  GenerationEnd elsewhere = end;
  elsewhere.verdict->hosts = {"b"};
  Policy policy({});
  EXPECT_TRUE(policy.Decide(end).restart);
  EXPECT_TRUE(policy.Decide(elsewhere).restart);
  EXPECT_EQ(policy.Decide(elsewhere).exit_code, kExitNoProgress);
}

TEST(PolicyTest, GenerationsWithoutASingleStepEnd) {
  Policy policy({});
  EXPECT_TRUE(policy.Decide(Failed(5, 5, 0, 9)).restart);
  EXPECT_TRUE(policy.Decide(Failed(5, 5, 1, 9)).restart);
  const Decision last = policy.Decide(Failed(5, 5, 2, 9));
  EXPECT_EQ(last.exit_code, kExitNoProgress);
}

TEST(PolicyTest, WhatAnotherStartWouldNotHelp) {
  Policy policy({});
  GenerationEnd end = Failed(0, 3, 0, 0);
  end.rank_exit_code = 2;
  end.retry = DiagnosisRule::NO;
  end.cause = "the configuration is wrong";
  const Decision decision = policy.Decide(end);
  EXPECT_FALSE(decision.restart);
  EXPECT_EQ(decision.exit_code, 2);
  EXPECT_EQ(decision.why,
            "the configuration is wrong: another start would not help");
}

TEST(PolicyTest, KilledAndHangingProcessesAreRestartedWhateverTheirLinesSay) {
  for (const int signal : {9, 11, 15}) {
    Policy policy({});
    GenerationEnd end = Failed(0, 3, 0, signal);
    end.retry = DiagnosisRule::NO;
    EXPECT_TRUE(policy.Decide(end).restart) << signal;
  }
  Policy policy({});
  GenerationEnd end = Failed(0, 3, 0, 0);
  end.retry = DiagnosisRule::NO;
  end.verdict->fault = Fault::kHang;
  EXPECT_TRUE(policy.Decide(end).restart);
  GenerationEnd aborted = Failed(0, 3, 0, 6);
  aborted.retry = DiagnosisRule::NO;
  EXPECT_FALSE(policy.Decide(aborted).restart);
}

TEST(PolicyTest, WhatNeedsTimeIsRestartedAfterIt) {
  Policy policy({});
  GenerationEnd end = Failed(0, 3, 0, 0);
  EXPECT_FALSE(policy.Decide(end).cooldown);
  end.retry = DiagnosisRule::AFTER_COOLDOWN;
  end.first_step = 3, end.last_step = 4;
  const Decision decision = policy.Decide(end);
  EXPECT_TRUE(decision.restart);
  EXPECT_TRUE(decision.cooldown);
}

TEST(PolicyTest, LostPeersAndStorageAreRestarted) {
  for (const int code : {1, 5, 7}) {
    Policy policy({});
    GenerationEnd end = Failed(0, 3, 0, 0);
    end.rank_exit_code = code;
    EXPECT_TRUE(policy.Decide(end).restart);
  }
}

}  // namespace
}  // namespace perdure
