#include "launcher/train/layouts.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/train/machine_speed.h"
#include "launcher/train/step_time.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

RunConfig ConfigOf(const std::string& more) {
  const std::string text =
      "model { family: 'gpt2' vocab_size: 512 context: 64 layers: 4 heads: 4 "
      "hidden: 64 } train { steps: 1 global_batch: 8 micro_batch: 1 " +
      more;
  return ResolveConfig(*ParseConfig(text, "test"));
}

RunConfig FirstOrder() { return ConfigOf("}"); }
RunConfig ZerothOrder() {
  return ConfigOf("method: ZEROTH_ORDER } zeroth_order { directions: 3 }");
}

// Two cores a node, every number easy to follow.
MachineSpeed Speed() {
  MachineSpeed speed;
  speed.set_ranks(1);
  speed.set_ranks_per_node(1);
  speed.set_cores(2);
  speed.set_flops(1e9);
  speed.set_copy_bandwidth(1e9);
  speed.set_noise_rate(1e9);
  speed.set_node_latency(1e-6);
  speed.set_node_bandwidth(1e9);
  speed.set_link_latency(1e-4);
  speed.set_link_bandwidth(1e8);
  speed.set_node_memory(uint64_t{1} << 30);
  return speed;
}

StepTime TimeOf(const RunConfig& config, const char* degrees, int per_node) {
  RunConfig with = config;
  EXPECT_TRUE(
      ApplyOverrides({std::string("topology={") + degrees + "}"}, &with).ok());
  const TopologyConfig& topology = with.topology();
  const int ranks =
      topology.pp() * topology.dp() * topology.pertp() * topology.tp();
  return ModelStepTime(config, *Topology::Create(topology, ranks), per_node,
                       Speed());
}

std::set<std::string> DegreesOf(const LayoutTable& table, bool possible) {
  std::set<std::string> degrees;
  for (const Layout& layout : table.layout()) {
    if (layout.has_problem() == possible) continue;
    degrees.insert(std::to_string(layout.pp()) + std::to_string(layout.dp()) +
                   std::to_string(layout.pertp()) +
                   std::to_string(layout.tp()));
  }
  return degrees;
}

TEST(LayoutRequestsTest, RanksAndRanksPerNode) {
  const auto requests = *ParseLayoutRequests("8@4,6");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].ranks, 8);
  EXPECT_EQ(requests[0].ranks_per_node, 4);
  EXPECT_EQ(requests[1].ranks_per_node, 6);
}

TEST(LayoutRequestsTest, MistakesAreNamed) {
  for (const char* text : {"", "0", "a", "8@0", "8@4@2", "8,", "99999999"}) {
    EXPECT_THAT(std::string(ParseLayoutRequests(text).status().message()),
                HasSubstr("is not RANKS"))
        << text;
  }
}

TEST(ListLayoutsTest, FirstOrderLayoutsAreAllFactorisationsWithoutPertp) {
  const LayoutTable table = ListLayouts(FirstOrder(), {6, 6}, Speed());
  EXPECT_THAT(DegreesOf(table, /*possible=*/true),
              testing::UnorderedElementsAre("1611", "2311", "3211", "1312",
                                            "3112", "1213", "2113"));
  // More stages than layers, more parts than heads.
  EXPECT_THAT(DegreesOf(table, /*possible=*/false),
              testing::UnorderedElementsAre("6111", "1116"));
}

TEST(ListLayoutsTest, ZerothOrderLayoutsMaySplitProbes) {
  const LayoutTable table = ListLayouts(ZerothOrder(), {6, 6}, Speed());
  EXPECT_THAT(DegreesOf(table, /*possible=*/true),
              testing::IsSupersetOf({"1161", "1321", "1611", "2131"}));
}

TEST(ListLayoutsTest, ThePrimeNumberOfSurvivorsHasItsLayouts) {
  EXPECT_THAT(DegreesOf(ListLayouts(FirstOrder(), {5, 5}, Speed()), true),
              testing::UnorderedElementsAre("1511"));
}

TEST(ListLayoutsTest, WhatDoesNotFitMemoryIsNamed) {
  MachineSpeed small = Speed();
  small.set_node_memory(1000);
  const LayoutTable none = ListLayouts(FirstOrder(), {2, 2}, small);
  for (const Layout& layout : none.layout()) {
    EXPECT_THAT(layout.problem(), HasSubstr("2 ranks of "));
  }
  // A rank alone on its node may have all of it.
  const LayoutTable shared = ListLayouts(FirstOrder(), {2, 2}, Speed());
  MachineSpeed half = Speed();
  half.set_node_memory(shared.layout(0).rank_bytes() * 3 / 2);
  EXPECT_TRUE(ListLayouts(FirstOrder(), {2, 2}, half).layout(0).has_problem());
  EXPECT_FALSE(ListLayouts(FirstOrder(), {2, 1}, half).layout(0).has_problem());
}

TEST(StepTimeTest, ReplicasShareTheMicroBatches) {
  const double one = TimeOf(FirstOrder(), "dp: 1", 1).compute;
  EXPECT_NEAR(TimeOf(FirstOrder(), "dp: 2", 1).compute, one / 2, one * 1e-9);
  // 8 micro-batches on 3 replicas: one of them has 3.
  EXPECT_NEAR(TimeOf(FirstOrder(), "dp: 3", 1).compute, one * 3 / 8,
              one * 1e-9);
  // More replicas than micro-batches gain nothing.
  EXPECT_EQ(TimeOf(FirstOrder(), "dp: 16", 1).compute,
            TimeOf(FirstOrder(), "dp: 8", 1).compute);
}

TEST(StepTimeTest, RanksShareTheCoresOfTheirNode) {
  EXPECT_EQ(TimeOf(FirstOrder(), "dp: 2", 2).compute,
            TimeOf(FirstOrder(), "dp: 2", 1).compute);
  EXPECT_EQ(TimeOf(FirstOrder(), "dp: 4", 4).compute,
            2 * TimeOf(FirstOrder(), "dp: 4", 2).compute);
}

TEST(StepTimeTest, PipelineHasItsBubbleAndItsSlowestStage) {
  const double one = TimeOf(FirstOrder(), "dp: 1", 1).compute;
  const double two = TimeOf(FirstOrder(), "dp: 1 pp: 2", 1).compute;
  // Half of the layers, 8 + 1 slots for 8 micro-batches, the head besides.
  EXPECT_GT(two, one / 2 * 9 / 8);
  EXPECT_LT(two, one);
}

TEST(StepTimeTest, MessagesBetweenNodesCostMore) {
  EXPECT_GT(TimeOf(FirstOrder(), "dp: 1 tp: 2", 1).links,
            5 * TimeOf(FirstOrder(), "dp: 1 tp: 2", 2).links);
  EXPECT_GT(TimeOf(FirstOrder(), "dp: 4", 2).links,
            TimeOf(FirstOrder(), "dp: 4", 4).links);
}

TEST(StepTimeTest, ZerothOrderReplicasExchangeScalarsOnly) {
  EXPECT_LT(TimeOf(ZerothOrder(), "dp: 2", 1).links,
            TimeOf(FirstOrder(), "dp: 2", 1).links / 4);
}

TEST(StepTimeTest, ProbesAndTheirNoiseAreSharedOverPertp) {
  const StepTime one = TimeOf(ZerothOrder(), "dp: 1", 1);
  const StepTime three = TimeOf(ZerothOrder(), "dp: 1 pertp: 3", 1);
  EXPECT_NEAR(three.compute, one.compute / 3, one.compute * 1e-9);
  // A direction for the own probes and three for the update: 4 of 6.
  EXPECT_NEAR(three.memory, one.memory * 4 / 6, one.memory * 1e-9);
}

TEST(MachineSpeedTest, RanksAgreeOnWhatTheyMeasured) {
  const std::vector<absl::Status> statuses = RunThreadRanks(
      2, absl::Seconds(60), [](Communicator& world) -> absl::Status {
        const std::unique_ptr<Device> device = MakeCpuDevice(1);
        ASSIGN_OR_RETURN(const MachineSpeed speed,
                         MeasureMachineSpeed(world, *device, DType::kF32, "a"));
        EXPECT_EQ(speed.ranks(), 2);
        EXPECT_EQ(speed.ranks_per_node(), 2);
        EXPECT_GT(speed.flops(), 1e7);
        EXPECT_GT(speed.noise_rate(), 1e5);
        EXPECT_GT(speed.node_bandwidth(), 1e5);
        // One node: links are as fast as inside it.
        EXPECT_EQ(speed.link_bandwidth(), speed.node_bandwidth());
        return absl::OkStatus();
      });
  for (const absl::Status& status : statuses) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

}  // namespace
}  // namespace perdure
