#include "launcher/supervisor/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A layout exists for even numbers of ranks.
std::optional<LayoutAnswer> EvenOnly(int ranks) {
  if (ranks % 2 != 0) return std::nullopt;
  Layout layout;
  layout.set_pp(1);
  layout.set_dp(ranks / 2);
  layout.set_pertp(1);
  layout.set_tp(2);
  return LayoutAnswer{layout, "because"};
}

NodeTable TableOf(const char* hosts) { return NodeTable(*ParseHosts(hosts)); }

TEST(ChoosePlacementTest, EnoughHostsKeepTheRunsOwnLayout) {
  const auto placement =
      ChoosePlacement(TableOf("a:2,b:2,c:2"), {4, 2}, 0, EvenOnly);
  ASSERT_TRUE(placement.has_value());
  EXPECT_EQ(placement->ranks, 4);
  EXPECT_EQ(placement->hosts.size(), 2U);
  EXPECT_FALSE(placement->layout.has_value());
}

TEST(ChoosePlacementTest, FewerHostsGetTheLargestLayoutThereIs) {
  NodeTable nodes = TableOf("a:2,b:2,c:1");
  nodes.Exclude("a", 0);
  const auto placement = ChoosePlacement(nodes, {5, 1}, 1, EvenOnly);
  ASSERT_TRUE(placement.has_value());
  EXPECT_EQ(placement->ranks, 2);
  EXPECT_EQ(placement->hosts[0].host, "b");
  EXPECT_EQ(placement->layout->dp(), 1);
  EXPECT_EQ(placement->why, "because");
}

TEST(ChoosePlacementTest, FewerThanTheLeastWait) {
  NodeTable nodes = TableOf("a:2,b:2");
  nodes.Exclude("a", 0);
  EXPECT_EQ(ChoosePlacement(nodes, {4, 3}, 1, EvenOnly), std::nullopt);
  EXPECT_EQ(ChoosePlacement(nodes, {4, 4}, 1, EvenOnly), std::nullopt);
  EXPECT_EQ(ChoosePlacement(nodes, {4, 2}, 1, EvenOnly)->ranks, 2);
  // Trusted again.
  EXPECT_EQ(ChoosePlacement(nodes, {4, 2}, 31, EvenOnly)->ranks, 4);
}

TEST(ChoosePlacementTest, ThisMachineAloneHasWhatIsWanted) {
  const auto placement = ChoosePlacement(NodeTable({}), {3, 3}, 0, EvenOnly);
  EXPECT_EQ(placement->ranks, 3);
  EXPECT_THAT(placement->hosts, IsEmpty());
}

TEST(NewcomersTest, HostsThatDidNotWorkBefore) {
  Placement placement;
  placement.hosts = *ParseHosts("a:2,c:2,d:2");
  EXPECT_THAT(Newcomers(placement, *ParseHosts("a:2,b:2")),
              ElementsAre("c", "d"));
  EXPECT_THAT(Newcomers(placement, placement.hosts), IsEmpty());
}

TEST(SwitchTest, MovingPaysOnlyWithTimeLeft) {
  Switch move;
  move.step_seconds = 0.1;
  move.speed_up = 2;
  move.cost_seconds = 5;
  move.steps_left = 99;
  EXPECT_LT(move.gain_seconds(), 0);
  move.steps_left = 101;
  EXPECT_GT(move.gain_seconds(), 0);
  move.speed_up = 1;
  move.steps_left = 1000000;
  EXPECT_LT(move.gain_seconds(), 0);
}

}  // namespace
}  // namespace perdure
