#include "launcher/supervisor/swap_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using Reason = SwapDecision::Reason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 1,000 steps of 0.3 s are left; 0.12 s of each are due to rank 3 on b.
SwapCase Worthwhile() {
  SwapCase swap;
  swap.slow = {{3, "b", 0.42, 4, 1, 0.12}};
  swap.steps_left = 1000;
  swap.steps_since = 20;
  swap.step_seconds = 0.3;
  swap.slow_seconds = 0.12;
  swap.cost_seconds = 2;
  swap.spares = {"c"};
  return swap;
}

TEST(SwapPolicyTest, ASwapThatPaysIsMadeAndExplained) {
  const SwapDecision decision = DecideSwap(Worthwhile(), MoveWhen::kPays);
  EXPECT_EQ(decision.reason, Reason::kSwap);
  EXPECT_EQ(decision.why,
            "swaps host b (rank 3 computes at 0.42 of the median for 4 "
            "windows) for spare c: saves about 120 s of the 300 s that remain, "
            "costs about 2.0 s");
}

TEST(SwapPolicyTest, TooLateInTheRunItIsNot) {
  SwapCase swap = Worthwhile();
  swap.steps_left = 30;  // 3.6 s to save: less than twice the cost
  const SwapDecision decision = DecideSwap(swap, MoveWhen::kPays);
  EXPECT_EQ(decision.reason, Reason::kDoesNotPay);
  EXPECT_EQ(decision.why,
            "keeps slow host b (rank 3 computes at 0.42 of the median for 4 "
            "windows): spare c would save about 3.6 s of the 9.0 s that remain "
            "and cost about 2.0 s");
  swap.steps_left = 34;
  EXPECT_EQ(DecideSwap(swap, MoveWhen::kPays).reason, Reason::kSwap);
  swap.steps_left = 1;
  EXPECT_EQ(DecideSwap(swap, MoveWhen::kAlways).reason, Reason::kSwap);
}

TEST(SwapPolicyTest, WhatTheRanksHaveCuredThemselvesIsNotSwapped) {
  SwapCase swap = Worthwhile();
  swap.slow_seconds = 0.001;
  EXPECT_EQ(DecideSwap(swap, MoveWhen::kPays).reason, Reason::kDoesNotPay);
}

TEST(SwapPolicyTest, NoMoreIsSavedThanAStepTakes) {
  SwapCase swap = Worthwhile();
  swap.slow_seconds = 5;  // an outlier
  EXPECT_DOUBLE_EQ(swap.saved_seconds(), swap.remaining_seconds());
}

TEST(SwapPolicyTest, NobodyIsSlow) {
  SwapCase swap = Worthwhile();
  swap.slow.clear();
  const SwapDecision decision = DecideSwap(swap, MoveWhen::kAlways);
  EXPECT_EQ(decision.reason, Reason::kNobodySlow);
  EXPECT_EQ(decision.why, "");
}

TEST(SwapPolicyTest, TheFirstWindowsProveNothing) {
  SwapCase swap = Worthwhile();
  // Named, but no window with what they did about it.
  swap.slow[0].windows_since = 0;
  EXPECT_EQ(DecideSwap(swap, MoveWhen::kAlways).reason, Reason::kUnproven);
  swap = Worthwhile();
  swap.step_seconds = 0;  // too few steps to tell their pace
  EXPECT_EQ(DecideSwap(swap, MoveWhen::kAlways).reason, Reason::kUnproven);
}

TEST(SwapPolicyTest, WhatMayPassIsWaitedForUntilThatHasCostAsMuch) {
  SwapCase swap = Worthwhile();
  swap.steps_since = 16;  // 1.92 s
  const SwapDecision decision = DecideSwap(swap, MoveWhen::kPays);
  EXPECT_EQ(decision.reason, Reason::kUnproven);
  EXPECT_EQ(decision.why, "");
  EXPECT_EQ(DecideSwap(swap, MoveWhen::kAlways).reason, Reason::kSwap);
  swap.steps_since = 17;
  EXPECT_EQ(DecideSwap(swap, MoveWhen::kPays).reason, Reason::kSwap);
}

TEST(SwapPolicyTest, WithoutASpareTheHostStays) {
  SwapCase swap = Worthwhile();
  swap.spares.clear();
  const SwapDecision decision = DecideSwap(swap, MoveWhen::kAlways);
  EXPECT_EQ(decision.reason, Reason::kNoSpare);
  EXPECT_THAT(decision.why, HasSubstr("keeps slow host b (rank 3"));
  EXPECT_THAT(decision.why, HasSubstr("no spare is left"));
}

TEST(SwapPolicyTest, TheNextSwapWaitsForTheCoolDown) {
  SwapCase swap = Worthwhile();
  swap.since_swap = 12;
  swap.cooldown_seconds = 30;
  const SwapDecision decision = DecideSwap(swap, MoveWhen::kAlways);
  EXPECT_EQ(decision.reason, Reason::kTooSoon);
  EXPECT_THAT(decision.why, HasSubstr("the last swap was made 12 s ago, the "
                                      "next is not made before 30 s"));
  swap.since_swap = 30;
  EXPECT_EQ(DecideSwap(swap, MoveWhen::kPays).reason, Reason::kSwap);
}

TEST(SwapPolicyTest, EveryHostIsNamedOnceWithItsSlowestRank) {
  SwapCase swap = Worthwhile();
  swap.slow = {{3, "b", 0.42, 4, 1, 0.05},
               {4, "d", 0.5, 4, 1, 0.1},
               {2, "b", 0.6, 5, 1, 0.12}};
  swap.spares = {"e", "f"};
  EXPECT_THAT(HostsOf(swap.slow), ElementsAre("b", "d"));
  EXPECT_THAT(DecideSwap(swap, MoveWhen::kPays).why,
              HasSubstr("swaps host b (rank 3 computes at 0.42 of the median "
                        "for 4 windows), d (rank 4 computes at 0.50 of the "
                        "median for 4 windows) for spare e, f:"));
}

TEST(SwapPolicyTest, WithFewerSparesTheSlowestGoAndTheNextStaysInTheWay) {
  SwapCase all = Worthwhile();
  all.slow = {{3, "b", 0.3, 4, 1, 0.05},
              {4, "d", 0.5, 4, 1, 0.1},
              {2, "b", 0.6, 5, 1, 0.12}};
  SwapCase swap = all;
  SwapOnly({"b", "d"}, &swap);
  EXPECT_DOUBLE_EQ(swap.slow_seconds, 0.12);
  EXPECT_EQ(swap.slow.size(), 3u);
  swap = all;
  SwapOnly({"b"}, &swap);
  EXPECT_DOUBLE_EQ(swap.slow_seconds, 0.05);  // d is waited for then
  EXPECT_THAT(HostsOf(swap.slow), ElementsAre("b"));
  swap = all;
  SwapOnly({"d"}, &swap);
  EXPECT_DOUBLE_EQ(swap.slow_seconds, 0);
}

}  // namespace
}  // namespace perdure
