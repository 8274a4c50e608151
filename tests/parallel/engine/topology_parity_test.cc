// The optimisation problem does not depend on the topology: every mesh of ranks
// walks the curve of one rank.

#include <ostream>
#include <set>
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

// Names of the state's tensors of a kind.
std::set<std::string> NamesOf(const TinyRun& run, const std::string& kind) {
  std::set<std::string> names;
  for (const auto& [name, values] : run.state) {
    if (name.starts_with(kind + "/"))
      names.insert(name.substr(kind.size() + 1));
  }
  return names;
}

TEST(TopologyParityTest, WhatIsNotTrainedHasNoOptimizerState) {
  const std::vector<std::string> some = {"model.trainable=*.q_proj.weight",
                                         "train.dtype=BF16"};
  const TinyRun one = TrainTiny(TinyConfig("opt", some), 1, 3);
  for (const char* kind : {"exp_avg", "exp_avg_sq", "master"}) {
    const std::set<std::string> names = NamesOf(one, kind);
    EXPECT_EQ(names.size(), 4u) << kind;
    for (const std::string& name : names) {
      EXPECT_TRUE(name.ends_with(".q_proj.weight")) << name;
    }
  }
  EXPECT_GT(NamesOf(one, "weight").size(), 60u);
}

struct AdapterCase {
  std::string family;
  std::vector<std::string> settings;
};

// Rates at which a dozen steps move something. Not more for opt: Adam takes a
// full step where a ReLU's gradient is rounding in one topology and 0 in the
// other.
const AdapterCase kAdapters[] = {
    {"gpt2", {"model.lora.rank=4", "optim.lr=2e-2"}},
    {"llama",
     {"model.lora.rank=3", "model.lora.targets=*_proj", "optim.lr=2e-2"}},
    {"opt",
     {"model.lora.rank=4", "model.lora.targets=fc?",
      "model.lora.targets=out_proj", "model.dropout=0.1"}},
    {"llama",
     {"model.prefix.tokens=5", "model.prefix.init=RANDOM", "model.dropout=0.1",
      "optim.lr=5e-2"}},
    {"gpt2",
     {"model.prefix.tokens=5", "model.prefix.init=RANDOM", "optim.lr=5e-2"}},
};

TEST(TopologyParityTest, AdaptersFollowOneRank) {
  const Mesh meshes[] = {
      {"Dp2", 2, {"topology.dp=2"}},
      {"Dp2ZeroOff", 2, {"topology.dp=2", "optim.zero=0"}},
      {"Tp2", 2, {"topology.tp=2"}},
      {"Pp2", 2, {"topology.pp=2"}},
      {"Pp2Tp2Recompute",
       4,
       {"topology.pp=2", "topology.tp=2", "train.recompute=true"}}};
  for (const AdapterCase& adapter : kAdapters) {
    const TinyRun start =
        TrainTiny(TinyConfig(adapter.family, adapter.settings), 1, 0);
    const TinyRun one =
        TrainTiny(TinyConfig(adapter.family, adapter.settings), 1, 12);
    // Only the adapters move, and all of them do.
    for (const auto& [name, values] : one.state) {
      if (!name.starts_with("weight/")) continue;
      const bool adapts = name.find(".lora_") != std::string::npos ||
                          name.find(".prefix_") != std::string::npos;
      EXPECT_EQ(values != start.state.at(name), adapts) << name;
    }
    EXPECT_LT(one.val_loss, start.val_loss) << adapter.family;
    for (const Mesh& mesh : meshes) {
      SCOPED_TRACE(adapter.family + " " + adapter.settings[0] + mesh.name);
      std::vector<std::string> both = adapter.settings;
      both.insert(both.end(), mesh.overrides.begin(), mesh.overrides.end());
      const TinyRun other =
          TrainTiny(TinyConfig(adapter.family, both), mesh.ranks, 12);
      EXPECT_LT(LossDifference(one, other), 1e-5);
      EXPECT_LT(StateDifference(one, other), 5e-3);
    }
  }
}

TEST(TopologyParityTest, AdaptersInBf16FollowWithinItsRounding) {
  for (const std::string adapter :
       {"model.lora.rank=4", "model.prefix.tokens=5"}) {
    const TinyRun one = TrainTiny(
        TinyConfig("llama", {adapter, "train.dtype=BF16", "optim.lr=1e-2"}), 1,
        8);
    const TinyRun two =
        TrainTiny(TinyConfig("llama", {adapter, "train.dtype=BF16",
                                       "topology.tp=2", "optim.lr=1e-2"}),
                  2, 8);
    const TinyRun fp32 =
        TrainTiny(TinyConfig("llama", {adapter, "optim.lr=1e-2"}), 1, 8);
    EXPECT_LT(LossDifference(one, two), 2e-2) << adapter;
    EXPECT_LT(LossDifference(one, fp32), 3e-2) << adapter;
  }
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
