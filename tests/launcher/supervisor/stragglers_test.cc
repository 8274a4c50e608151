#include "launcher/supervisor/stragglers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launcher/supervisor/tables.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Heartbeat WithSpeed(int rank, const std::string& host, double speed,
                    bool straggler) {
  Heartbeat beat = BeatOf(rank, host);
  beat.set_speed(speed);
  beat.set_straggler(straggler);
  return beat;
}

TEST(StragglersTest, ASlowRankIsBlamedOnce) {
  RankTable table;
  table.Begin(1, 3, 0);
  Stragglers stragglers;
  EXPECT_FALSE(stragglers.Detect(table, 1).has_value());
  Hear(WithSpeed(0, "a", 1, false), 1, &table);
  Hear(WithSpeed(2, "b", 0.25, true), 1, &table);
  const auto verdict = stragglers.Detect(table, 1);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kStraggler);
  EXPECT_THAT(verdict->ranks, ElementsAre(2));
  EXPECT_THAT(verdict->hosts, ElementsAre("b"));
  EXPECT_THAT(verdict->what,
              HasSubstr("rank 2 on b computes at 0.25 of the median speed"));
  EXPECT_EQ(verdict->step, 11);
  EXPECT_FALSE(stragglers.Detect(table, 1).has_value());
}

TEST(StragglersTest, AfterARecoveryOrARestartItIsBlamedAgain) {
  RankTable table;
  table.Begin(1, 1, 0);
  Stragglers stragglers;
  Hear(WithSpeed(0, "a", 0.5, true), 1, &table);
  EXPECT_TRUE(stragglers.Detect(table, 1).has_value());
  Hear(WithSpeed(0, "a", 0.9, false), 2, &table);
  EXPECT_FALSE(stragglers.Detect(table, 1).has_value());
  Hear(WithSpeed(0, "a", 0.5, true), 3, &table);
  EXPECT_TRUE(stragglers.Detect(table, 1).has_value());
  stragglers.Forget();
  EXPECT_TRUE(stragglers.Detect(table, 1).has_value());
}

Heartbeat Slow(int64_t step, int windows) {
  Heartbeat beat = WithSpeed(1, "b", 0.25, true);
  beat.set_step(step);
  beat.set_total_steps(1000);
  beat.set_slow_windows(windows);
  beat.set_slow_seconds(0.3);
  return beat;
}

TEST(StragglersTest, ThePaceIsMeasuredSinceTheRankWasNamed) {
  RankTable table;
  table.Begin(1, 2, 0);
  Stragglers stragglers;
  const auto hear = [&](int64_t step, int windows, double now) {
    Heartbeat other = BeatOf(0, "a");
    other.set_step(step);
    Hear(other, now, &table);
    Hear(Slow(step, windows), now, &table);
    stragglers.Detect(table, now);
    return stragglers.Measure(table, now);
  };
  SwapCase swap = hear(100, 3, 50);
  ASSERT_EQ(swap.slow.size(), 1u);
  EXPECT_EQ(swap.slow[0].rank, 1);
  EXPECT_EQ(swap.slow[0].host, "b");
  EXPECT_EQ(swap.slow[0].windows_since, 0);
  EXPECT_EQ(swap.step_seconds, 0);  // none was made since
  swap = hear(108, 4, 54);
  EXPECT_EQ(swap.slow[0].windows, 4);
  EXPECT_EQ(swap.slow[0].windows_since, 1);
  EXPECT_DOUBLE_EQ(swap.step_seconds, 0.5);
  EXPECT_DOUBLE_EQ(swap.slow[0].slow_seconds, 0.3);
  EXPECT_EQ(swap.steps_left, 892);
  EXPECT_EQ(swap.steps_since, 8);
  stragglers.Forget();
  EXPECT_TRUE(stragglers.Measure(table, 55).slow.empty());
}

}  // namespace
}  // namespace perdure
