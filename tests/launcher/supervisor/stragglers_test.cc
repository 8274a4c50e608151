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
  EXPECT_FALSE(stragglers.Detect(table).has_value());
  Hear(WithSpeed(0, "a", 1, false), 1, &table);
  Hear(WithSpeed(2, "b", 0.25, true), 1, &table);
  const auto verdict = stragglers.Detect(table);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->fault, Fault::kStraggler);
  EXPECT_THAT(verdict->ranks, ElementsAre(2));
  EXPECT_THAT(verdict->hosts, ElementsAre("b"));
  EXPECT_THAT(verdict->what,
              HasSubstr("rank 2 on b computes at 0.25 of the median speed"));
  EXPECT_EQ(verdict->step, 11);
  EXPECT_FALSE(stragglers.Detect(table).has_value());
}

TEST(StragglersTest, AfterARecoveryOrARestartItIsBlamedAgain) {
  RankTable table;
  table.Begin(1, 1, 0);
  Stragglers stragglers;
  Hear(WithSpeed(0, "a", 0.5, true), 1, &table);
  EXPECT_TRUE(stragglers.Detect(table).has_value());
  Hear(WithSpeed(0, "a", 0.9, false), 2, &table);
  EXPECT_FALSE(stragglers.Detect(table).has_value());
  Hear(WithSpeed(0, "a", 0.5, true), 3, &table);
  EXPECT_TRUE(stragglers.Detect(table).has_value());
  stragglers.Forget();
  EXPECT_TRUE(stragglers.Detect(table).has_value());
}

}  // namespace
}  // namespace perdure
