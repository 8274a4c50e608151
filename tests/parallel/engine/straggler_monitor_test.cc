#include "parallel/engine/straggler_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Topology Mesh(int dp, int pp = 1, int pertp = 1) {
  TopologyConfig config;
  config.set_dp(dp);
  config.set_pp(pp);
  config.set_pertp(pertp);
  return *Topology::Create(config, dp * pp * pertp);
}

// Each rank did as many blocks a second as `speeds` says, whatever its share.
std::vector<PassWork> Window(const std::vector<double>& speeds) {
  std::vector<PassWork> work;
  for (size_t r = 0; r < speeds.size(); ++r) {
    const auto blocks = static_cast<int64_t>(100 * (r + 1));
    work.push_back({blocks, static_cast<double>(blocks) / speeds[r]});
  }
  return work;
}

TEST(StragglerMonitorTest, ARankIsCalledSlowAfterThreeWindowsInARow) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(4));
  for (int w = 0; w < 2; ++w) {
    monitor.AddWindow(Window({8, 8, 2, 8}));
    EXPECT_THAT(monitor.changed(), IsEmpty());
  }
  monitor.AddWindow(Window({8, 8, 2, 8}));
  EXPECT_THAT(monitor.changed(), ElementsAre(2));
  EXPECT_TRUE(monitor.straggles(2));
  EXPECT_DOUBLE_EQ(monitor.speeds()[2], 0.25);
  EXPECT_DOUBLE_EQ(monitor.speeds()[0], 1);
  monitor.AddWindow(Window({8, 8, 2, 8}));
  EXPECT_THAT(monitor.changed(), IsEmpty());
  monitor.AddWindow(Window({8, 8, 7, 8}));
  EXPECT_THAT(monitor.changed(), ElementsAre(2));
  EXPECT_FALSE(monitor.straggles(2));
}

TEST(StragglerMonitorTest, OneGoodWindowStartsTheCountAgain) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(3));
  for (const double speed : {2.0, 2.0, 8.0, 2.0, 2.0}) {
    monitor.AddWindow(Window({8, speed, 8}));
    EXPECT_FALSE(monitor.straggles(1));
  }
}

// A stage with the head does fewer blocks a second than one without.
TEST(StragglerMonitorTest, StagesAreNotComparedWithEachOther) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(2, 2));
  for (int w = 0; w < 3; ++w) monitor.AddWindow(Window({9, 9, 3, 3}));
  for (int r = 0; r < 4; ++r) EXPECT_FALSE(monitor.straggles(r)) << r;
}

TEST(StragglerMonitorTest, WhoDidNothingIsAsFastAsBefore) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(3));
  monitor.AddWindow({{0, 0}, {100, 10}, {100, 10}});
  EXPECT_EQ(monitor.speeds()[0], 0);
  EXPECT_FALSE(monitor.straggles(0));
  monitor.AddWindow(Window({4, 8, 8}));
  monitor.AddWindow({{0, 0}, {100, 10}, {100, 10}});
  EXPECT_DOUBLE_EQ(monitor.speeds()[0], 0.5);
}

TEST(StragglerMonitorTest, SharesFollowSpeedsOnceTheyAreSure) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(4));
  const std::vector<int64_t> even = {4, 4, 4, 4};
  for (int w = 0; w < 2; ++w) {
    monitor.AddWindow(Window({8, 8, 2, 8}));
    EXPECT_FALSE(monitor.Rebalance(even).has_value());
  }
  monitor.AddWindow(Window({8, 8, 2, 8}));
  const auto shares = monitor.Rebalance(even);
  ASSERT_TRUE(shares.has_value());
  EXPECT_THAT(*shares, ElementsAre(5, 5, 1, 5));
  // Three new windows before the next change, and none without a gain.
  for (int w = 0; w < 5; ++w) {
    monitor.AddWindow(Window({8, 8, 2, 8}));
    EXPECT_FALSE(monitor.Rebalance(*shares).has_value());
  }
  // It has recovered: back to even shares.
  for (int w = 0; w < 3; ++w) monitor.AddWindow(Window({8, 8, 8, 8}));
  const auto back = monitor.Rebalance(*shares);
  ASSERT_TRUE(back.has_value());
  EXPECT_THAT(*back, ElementsAre(4, 4, 4, 4));
}

TEST(StragglerMonitorTest, NoiseDoesNotMoveMicroBatches) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(4));
  for (int w = 0; w < 12; ++w) {
    std::vector<double> speeds(4, 8);
    // A different rank each time is slow for one window.
    speeds[static_cast<size_t>(w % 4)] = 2;
    monitor.AddWindow(Window(speeds));
    EXPECT_FALSE(monitor.Rebalance({4, 4, 4, 4}).has_value()) << w;
  }
}

TEST(StragglerMonitorTest, TheSlowestOfAReplicasRanksCounts) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(2, 2));
  // Rank 2 is stage 1 of replica 0.
  for (int w = 0; w < 3; ++w) monitor.AddWindow(Window({8, 8, 1, 4}));
  const auto shares = monitor.Rebalance({4, 4});
  ASSERT_TRUE(shares.has_value());
  EXPECT_LT((*shares)[0], 3);
}

TEST(StragglerMonitorTest, ASlowReplicaDoesNotCoordinate) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(2, 1, 2));
  monitor.AddWindow(Window({2, 8, 8, 9}));
  EXPECT_EQ(monitor.Coordinator(0), 3);
  EXPECT_EQ(monitor.Coordinator(1), 1);
}

// Three windows in which rank 3 of 4 has a quarter of the speed.
StragglerMonitor WithSlowRank(const ResilienceConfig& config) {
  StragglerMonitor monitor(config, Mesh(4));
  for (int w = 0; w < 3; ++w) monitor.AddWindow(Window({8, 8, 8, 2}));
  return monitor;
}

TEST(StragglerMonitorTest, AStepWaitsForItsSlowestShare) {
  const StragglerMonitor monitor = WithSlowRank(ResilienceConfig());
  EXPECT_EQ(monitor.slow_windows(3), 3);
  EXPECT_EQ(monitor.slow_windows(0), 0);
  EXPECT_DOUBLE_EQ(monitor.StepTime({4, 4, 4, 4}), 16);
  EXPECT_DOUBLE_EQ(monitor.StepTime({5, 5, 5, 1}), 5);
  EXPECT_DOUBLE_EQ(monitor.StepTimeWithout(3, {4, 4, 4, 4}), 4);
  EXPECT_DOUBLE_EQ(monitor.StepTimeWithout(3, {5, 5, 5, 1}), 4);
}

TEST(StragglerMonitorTest, WithoutTheSlowestTheNextOneIsWaitedFor) {
  StragglerMonitor monitor(ResilienceConfig(), Mesh(5));
  for (int w = 0; w < 3; ++w) monitor.AddWindow(Window({8, 4, 8, 2, 8}));
  EXPECT_DOUBLE_EQ(monitor.StepTime({4, 4, 4, 4, 4}), 16);
  EXPECT_DOUBLE_EQ(monitor.StepTimeWithout(3, {4, 4, 4, 4, 4}), 8);
  EXPECT_DOUBLE_EQ(monitor.StepTimeWithout(1, {4, 4, 4, 4, 4}), 4);
}

TEST(StragglerMonitorTest, BackupProbesWaitForNobody) {
  ResilienceConfig config;
  config.set_backup_probes(true);
  const StragglerMonitor monitor = WithSlowRank(config);
  EXPECT_DOUBLE_EQ(monitor.StepTime({4, 4, 4, 4}), 16 / 3.25);
  EXPECT_DOUBLE_EQ(monitor.StepTimeWithout(3, {4, 4, 4, 4}), 4);
}

// Two groups of two replicas: rank 2 is done before rank 3.
TEST(StragglerMonitorTest, WithGradientCodingASlowRankCostsNothing) {
  const StragglerMonitor monitor = WithSlowRank(ResilienceConfig());
  EXPECT_DOUBLE_EQ(monitor.StepTime({8, 8}), 8);
  EXPECT_DOUBLE_EQ(monitor.StepTimeWithout(3, {8, 8}), 8);
}

}  // namespace
}  // namespace perdure
