#include "launcher/simulate/simulate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "launcher/simulate/simulation_report.h"
#include "launcher/simulate/simulation_text.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

// Small enough to be clear, long enough for the law of large numbers.
Simulation Plain() {
  Simulation simulation;
  simulation.set_days(200);
  simulation.set_nodes(10);
  simulation.set_ranks_per_node(8);
  simulation.set_node_mtbf_hours(100);
  simulation.set_host_share(0);
  simulation.set_step_seconds(1);
  simulation.set_max_restarts(1 << 30);
  return simulation;
}

// With failures of rate 1/M, each of which costs the work since the last
// snapshot, a detection and a restart that may fail itself, a segment of t
// takes (M + detection) e^(restart/M) (e^(t/M) - 1): Daly's complete model
// (2006).
double ExpectedEffective(const Simulation& simulation) {
  const double mtbf = RunMtbf(simulation);
  const double restart =
      simulation.restart_seconds() + simulation.load_seconds();
  const double interval = simulation.snapshot_interval_seconds();
  const double segment = interval + simulation.snapshot_cost_seconds();
  return interval / ((mtbf + simulation.detect_seconds()) *
                     std::exp(restart / mtbf) * std::expm1(segment / mtbf));
}

TEST(SimulateTest, EffectiveTimeIsThatOfDalysFormula) {
  for (const double interval : {60.0, 600.0, 6000.0, 30000.0}) {
    Simulation simulation = Plain();
    simulation.set_snapshot_interval_seconds(interval);
    simulation.set_snapshot_cost_seconds(20);
    simulation.set_detect_seconds(30);
    simulation.set_restart_seconds(100);
    simulation.set_load_seconds(300);
    EXPECT_NEAR(Simulate(simulation).effective(), ExpectedEffective(simulation),
                0.01)
        << interval;
  }
}

// Restarts of half the time between two failures: a formula by which they never
// fail would give 0.65 instead of 0.59.
TEST(SimulateTest, AFailureWhileRestartingRestartsAgain) {
  Simulation simulation = Plain();
  simulation.set_host_share(1);
  simulation.set_repair_hours(0);
  simulation.set_spares(30);
  simulation.set_max_no_progress(1 << 30);
  simulation.set_restart_seconds(0.4 * RunMtbf(simulation));
  simulation.set_load_seconds(0.1 * RunMtbf(simulation));
  const Outcome outcome = Simulate(simulation);
  EXPECT_NEAR(outcome.effective(), ExpectedEffective(simulation), 0.01);
  EXPECT_NEAR(outcome.in_start / outcome.interruptions, -std::expm1(-0.5),
              0.02);
}

TEST(SimulateTest, WithoutFailuresAllButSnapshotsIsTraining) {
  Simulation simulation = Plain();
  simulation.set_node_mtbf_hours(1e9);
  simulation.set_snapshot_interval_seconds(90);
  simulation.set_snapshot_cost_seconds(10);
  simulation.set_restart_seconds(0);
  simulation.set_load_seconds(0);
  const Outcome outcome = Simulate(simulation);
  EXPECT_EQ(outcome.interruptions, 0);
  EXPECT_NEAR(outcome.effective(), 0.9, 1e-9);
  EXPECT_NEAR(outcome.steps, 0.9 * 200 * 86400, 1);
}

// Hosts that are lost for `repair_hours`, and all else costs nothing.
Simulation Shrinking() {
  Simulation simulation = Plain();
  simulation.set_ranks_per_node(1);
  simulation.set_node_mtbf_hours(400);
  simulation.set_host_share(1);
  simulation.set_repair_hours(100);
  simulation.set_max_no_progress(1 << 30);
  simulation.set_journal(true);
  simulation.set_snapshot_cost_seconds(0);
  simulation.set_detect_seconds(0);
  simulation.set_restart_seconds(0);
  simulation.set_load_seconds(0);
  simulation.set_cooldown_seconds(1);
  return simulation;
}

// Each node is there for 400 of 500 hours, and so is its share of the work. A
// host is asked up to an hour late whether it is back.
TEST(SimulateTest, FewerRanksGoOnWithWhatTheyAre) {
  Simulation simulation = Shrinking();
  simulation.set_min(1);
  const Outcome outcome = Simulate(simulation);
  EXPECT_NEAR(outcome.effective(), 0.8, 0.015);
  EXPECT_NEAR(outcome.time.fewer / outcome.time.total(), 0.2, 0.015);
  EXPECT_NEAR(outcome.steps, outcome.effective() * 200 * 86400, 2);
  EXPECT_GT(outcome.moves, 0);
  EXPECT_LT(outcome.time.waiting, 1e-3 * outcome.time.total());
  EXPECT_THAT(SimulationReport(simulation),
              HasSubstr("most is lost in running with fewer ranks"));
}

TEST(SimulateTest, WithAllRanksAskedForNobodyGoesOnWithFewer) {
  Simulation simulation = Shrinking();
  const Outcome all = Simulate(simulation);
  EXPECT_EQ(all.time.fewer, 0);
  EXPECT_EQ(all.moves, 0);
  // 40 hours until the first of ten fails, then a repair and up to an hour
  // more; the others do not fail meanwhile.
  EXPECT_NEAR(all.effective(), 40 / 140.5, 0.02);
  simulation.set_min(10);
  EXPECT_EQ(Simulate(simulation).steps, all.steps);
}

TEST(SimulateTest, ALayoutTakesWholeReplicas) {
  Simulation simulation = Shrinking();
  simulation.set_trials(2);
  simulation.set_min(1);
  simulation.set_replica_ranks(5);
  const Outcome fives = Simulate(simulation);
  simulation.set_replica_ranks(4);
  const Outcome fours = Simulate(simulation);
  simulation.set_replica_ranks(1);
  const Outcome ones = Simulate(simulation);
  EXPECT_LT(fives.effective(), 0.7);
  EXPECT_LT(fives.effective(), fours.effective());
  EXPECT_LT(fours.effective(), ones.effective());
}

TEST(SimulateTest, RanksAreMovedBackOnlyIfThatPays) {
  Simulation simulation = Shrinking();
  simulation.set_min(1);
  simulation.set_days(20);
  simulation.set_node_mtbf_hours(2000);
  // Half of the run to start, and less than the other half to be won.
  simulation.set_load_seconds(240 * 3600);
  EXPECT_EQ(Simulate(simulation).moves, 0);
  simulation.set_load_seconds(600);
  EXPECT_GT(Simulate(simulation).moves, 0);
}

TEST(SimulateTest, BestIntervalIsNearYoungsAndDalys) {
  Simulation simulation = Plain();
  simulation.set_snapshot_cost_seconds(20);
  const double best = BestOf(SweepIntervals(simulation)).seconds;
  EXPECT_NEAR(YoungInterval(simulation), 1200, 1e-9);
  EXPECT_NEAR(DalyInterval(simulation),
              1200 * (1 + 1 / 180.0 + 1 / 32400.0) - 20, 1e-9);
  EXPECT_GT(best, 0.6 * YoungInterval(simulation));
  EXPECT_LT(best, 1.7 * YoungInterval(simulation));
}

TEST(SimulateTest, TimesAddUpToTheWholeRun) {
  Simulation simulation = Plain();
  simulation.set_host_share(0.5);
  simulation.set_spares(1);
  for (const bool journal : {false, true}) {
    simulation.set_journal(journal);
    EXPECT_NEAR(SimulateOnce(simulation, 0).time.total(), 200 * 86400, 1e-3);
  }
}

TEST(SimulateTest, FailuresComeAtTheRateGiven) {
  Simulation simulation = Plain();
  // 10 nodes, 100 hours each: every 10 hours in 4800.
  const double interruptions = Simulate(simulation).interruptions;
  EXPECT_NEAR(interruptions, 480, 480 * 0.05);
}

TEST(SimulateTest, WithAJournalNoFinishedStepIsLost) {
  Simulation simulation = Plain();
  const Outcome without = Simulate(simulation);
  simulation.set_journal(true);
  const Outcome with = Simulate(simulation);
  EXPECT_GT(without.steps_lost, 0);
  EXPECT_EQ(with.steps_lost, 0);
  EXPECT_GT(with.effective(), without.effective());
}

TEST(SimulateTest, LostHostsAreReplacedBySparesOrWaitedFor) {
  Simulation simulation = Plain();
  simulation.set_host_share(1);
  simulation.set_repair_hours(24);
  simulation.set_max_no_progress(1 << 30);
  const Outcome none = Simulate(simulation);
  simulation.set_spares(12);
  const Outcome some = Simulate(simulation);
  EXPECT_GT(some.effective(), 0.9);
  EXPECT_LT(none.effective(), 0.5);
  EXPECT_GT(none.time.waiting + none.time.restarting,
            10 * some.time.waiting + some.time.restarting);
}

TEST(SimulateTest, PolicyGivesUpAsItWouldInARun) {
  Simulation simulation = Plain();
  simulation.set_max_restarts(3);
  simulation.set_trials(2);
  const Outcome outcome = Simulate(simulation);
  EXPECT_EQ(outcome.given_up, 2);
  EXPECT_EQ(outcome.interruptions, 4);
  EXPECT_THAT(outcome.why, HasSubstr("--max_restarts"));
  EXPECT_THAT(SimulationReport(simulation), HasSubstr("ended early"));
}

TEST(SimulateTest, SameSeedSameOutcome) {
  const Simulation simulation = Plain();
  EXPECT_EQ(Simulate(simulation).steps, Simulate(simulation).steps);
  EXPECT_NE(SimulateOnce(simulation, 0).steps,
            SimulateOnce(simulation, 1).steps);
}

TEST(SimulateTest, Llama3sInterruptionsAndEffectiveTime) {
  const auto simulation =
      ReadSimulation({std::string(PERDURE_SOURCE_DIR) +
                      "/configs/simulate/llama3_405b.textproto"});
  ASSERT_TRUE(simulation.ok()) << simulation.status();
  const Outcome outcome = Simulate(*simulation);
  EXPECT_EQ(outcome.given_up, 0) << outcome.why;
  EXPECT_NEAR(outcome.interruptions, 419, 3 * std::sqrt(419.0 / 8) + 25);
  EXPECT_GT(outcome.effective(), 0.90);
  EXPECT_LT(outcome.effective(), 0.97);
}

}  // namespace
}  // namespace perdure
