// The optimisation problem does not depend on the topology: every mesh of ranks
// walks the curve of one rank.

#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "tests/parallel/engine/tiny_run.h"

namespace perdure {
namespace {

// dp 3 gets micro-batches 1 + 1 + 1 of 3, 3 and 2 sequences; dp 4 leaves one
// replica without any.
const Mesh kMeshes[] = {
    {"Dp2", 2, {"topology.dp=2"}},
    {"Dp3", 3, {"topology.dp=3"}},
    {"Dp4", 4, {"topology.dp=4"}},
    {"Dp2ZeroOff", 2, {"topology.dp=2", "optim.zero=0"}},
    {"Tp2", 2, {"topology.tp=2"}},
    {"Pp2", 2, {"topology.pp=2"}},
    {"Pp3", 3, {"topology.pp=3"}},
    {"Pp3GPipe", 3, {"topology.pp=3", "train.pipeline_schedule=GPIPE"}},
    {"Dp2Tp2", 4, {"topology.dp=2", "topology.tp=2"}},
    {"Pp2Tp2", 4, {"topology.pp=2", "topology.tp=2"}},
    {"Pp2Dp2", 4, {"topology.pp=2", "topology.dp=2"}},
    {"Pp2Dp2Tp2", 8, {"topology.pp=2", "topology.dp=2", "topology.tp=2"}},
    {"Recompute", 1, {"train.recompute=true"}},
    {"Pp2Recompute", 2, {"topology.pp=2", "train.recompute=true"}},
    {"TwoThreads", 1, {"train.threads_per_rank=2"}},
};

using Case = std::tuple<std::string, Mesh>;

class TopologyParityTest : public testing::TestWithParam<Case> {};

TEST_P(TopologyParityTest, FollowsOneRank) {
  const auto& [family, mesh] = GetParam();
  constexpr int kSteps = 12;
  const TinyRun one = TrainTiny(TinyConfig(family, {}), 1, kSteps);
  const TinyRun other =
      TrainTiny(TinyConfig(family, mesh.overrides), mesh.ranks, kSteps);
  EXPECT_LT(LossDifference(one, other), 1e-5);
  // Adam divides by gradients that may be nearly zero: weights differ a little
  // more than losses.
  EXPECT_LT(StateDifference(one, other), 5e-3);
  // The loss must really fall, or parity would say little.
  EXPECT_LT(one.steps.back().loss, one.steps.front().loss - 0.3);
}

INSTANTIATE_TEST_SUITE_P(Families, TopologyParityTest,
                         testing::Combine(testing::Values("gpt2", "opt",
                                                          "llama"),
                                          testing::ValuesIn(kMeshes)),
                         [](const testing::TestParamInfo<Case>& info) {
                           return std::get<0>(info.param) +
                                  std::get<1>(info.param).name;
                         });

TEST(TopologyParityTest, UntiedHeadsAndTiedLlamaFollowToo) {
  for (const auto& [family, tied] :
       {std::pair<std::string, std::string>{"gpt2", "false"},
        {"llama", "true"}}) {
    const std::string tie = "model.tie_embeddings=" + tied;
    const TinyRun one = TrainTiny(TinyConfig(family, {tie}), 1, 8);
    const TinyRun four = TrainTiny(
        TinyConfig(family, {tie, "topology.pp=2", "topology.tp=2"}), 4, 8);
    EXPECT_LT(LossDifference(one, four), 1e-5) << family;
  }
}

TEST(TopologyParityTest, DropoutDrawsTheSameBitsOnEveryTopology) {
  const TinyRun one =
      TrainTiny(TinyConfig("gpt2", {"model.dropout=0.2"}), 1, 8);
  const TinyRun four =
      TrainTiny(TinyConfig("gpt2", {"model.dropout=0.2", "topology.dp=2",
                                    "topology.tp=2", "train.recompute=true"}),
                4, 8);
  EXPECT_LT(LossDifference(one, four), 1e-5);
  const TinyRun none = TrainTiny(TinyConfig("gpt2", {}), 1, 8);
  EXPECT_GT(LossDifference(one, none), 1e-3);
}

TEST(TopologyParityTest, DocumentResetFollowsToo) {
  const std::string reset = "data.reset_at_document=true";
  const TinyRun one = TrainTiny(TinyConfig("llama", {reset}), 1, 6);
  const TinyRun four = TrainTiny(
      TinyConfig("llama", {reset, "topology.dp=2", "topology.pp=2"}), 4, 6);
  EXPECT_LT(LossDifference(one, four), 1e-5);
}

TEST(TopologyParityTest, Bf16WithMastersFollowsWithinItsRounding) {
  const std::string bf16 = "train.dtype=BF16";
  const TinyRun one = TrainTiny(TinyConfig("gpt2", {bf16}), 1, 12);
  const TinyRun four = TrainTiny(
      TinyConfig("gpt2", {bf16, "topology.dp=2", "topology.tp=2"}), 4, 12);
  EXPECT_LT(LossDifference(one, four), 2e-2);
  const TinyRun fp32 = TrainTiny(TinyConfig("gpt2", {}), 1, 12);
  EXPECT_LT(LossDifference(one, fp32), 3e-2);
  EXPECT_TRUE(one.state.contains("master/transformer.wte.weight"));
}

TEST(TopologyParityTest, WhatIsNotTrainedStaysAsItWas) {
  const std::string some = "model.trainable=*.mlp.c_fc.weight";
  const TinyRun start = TrainTiny(TinyConfig("gpt2", {}), 1, 0);
  const TinyRun one = TrainTiny(TinyConfig("gpt2", {some}), 1, 5);
  for (const auto& [name, values] : one.state) {
    if (!name.starts_with("weight/")) continue;
    EXPECT_EQ(values != start.state.at(name),
              name.ends_with(".mlp.c_fc.weight"))
        << name;
  }
  const TinyRun four = TrainTiny(
      TinyConfig("gpt2", {some, "topology.dp=2", "topology.pp=2"}), 4, 5);
  EXPECT_LT(LossDifference(one, four), 1e-5);
}

TEST(TopologyParityTest, RepeatedRunsHaveEqualBits) {
  const RunConfig config =
      TinyConfig("llama", {"topology.dp=2", "topology.tp=2"});
  const TinyRun a = TrainTiny(config, 4, 6), b = TrainTiny(config, 4, 6);
  EXPECT_EQ(LossDifference(a, b), 0);
  EXPECT_EQ(StateDifference(a, b), 0);
}

}  // namespace
}  // namespace perdure
