// The result of a zeroth-order run does not depend on the topology, the number
// of threads or the instruction set of its noise: not in a single bit.

#include <cmath>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/parallel/engine/tiny_run.h"

namespace perdure {
namespace {

constexpr int kSteps = 100;

// The batch is 8 sequences in micro-batches of 3, 3 and 2: every dp is uneven.
const Mesh kMeshes[] = {
    {"Dp2", 2, {"topology.dp=2"}},
    {"Dp3", 3, {"topology.dp=3"}},
    {"Dp4", 4, {"topology.dp=4"}},  // one replica has nothing to do
    {"Pertp2", 2, {"topology.pertp=2"}},
    {"Pertp3", 3, {"topology.pertp=3"}},
    {"Pertp4", 4, {"topology.pertp=4"}},
    {"Pertp5", 5, {"topology.pertp=5"}},  // more than probes
    {"Pp2", 2, {"topology.pp=2"}},
    {"Pp3", 3, {"topology.pp=3"}},
    {"Dp2Pertp2", 4, {"topology.dp=2", "topology.pertp=2"}},
    {"Pp2Pertp2", 4, {"topology.pp=2", "topology.pertp=2"}},
    {"TwoThreads", 1, {"train.threads_per_rank=2"}},
    {"Pp2TwoThreads", 2, {"topology.pp=2", "train.threads_per_rank=2"}},
};

std::vector<std::string> Settings(std::vector<std::string> more) {
  std::vector<std::string> settings = {
      "train.method=ZEROTH_ORDER", "zeroth_order.directions=2",
      "zeroth_order.eps=1e-3",     "optim.lr=2e-3",
      "optim.weight_decay=0.01",   "optim.warmup_steps=5"};
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

TinyRun Train(const std::string& family, const std::vector<std::string>& more,
              int ranks, int steps = kSteps,
              const ZerothOrderKernels* kernels = nullptr) {
  return TrainTiny(TinyConfig(family, Settings(more)), ranks, steps, kernels);
}

using Case = std::tuple<std::string, Mesh>;

class InvarianceTest : public testing::TestWithParam<Case> {};

TEST_P(InvarianceTest, HundredStepsHaveTheBitsOfOneRank) {
  const auto& [family, mesh] = GetParam();
  ExpectEqualBits(Train(family, {}, 1),
                  Train(family, mesh.overrides, mesh.ranks));
}

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  return absl::StrCat(std::get<0>(info.param), std::get<1>(info.param).name);
}

INSTANTIATE_TEST_SUITE_P(Gpt2, InvarianceTest,
                         testing::Combine(testing::Values("gpt2"),
                                          testing::ValuesIn(kMeshes)),
                         CaseName);
INSTANTIATE_TEST_SUITE_P(
    OtherFamilies, InvarianceTest,
    testing::Combine(testing::Values("opt", "llama"),
                     testing::Values(kMeshes[1], kMeshes[7], kMeshes[9])),
    CaseName);

// The settings that change what travels or what is copied.
TEST(InvarianceTest, VariantsHaveEqualBitsToo) {
  const std::vector<std::vector<std::string>> variants = {
      {"zeroth_order.noise=RADEMACHER", "zeroth_order.directions=5"},
      {"zeroth_order.estimator=ONE_SIDED", "zeroth_order.directions=4",
       "zeroth_order.divide_by_spread=true", "optim.lr=1e-4"},
      {"train.dtype=BF16"},
      {"train.dtype=BF16", "zeroth_order.rounding=MASTERS"},
      {"model.tie_embeddings=false"},
      {"model.trainable=*.c_attn.*", "model.trainable=*wte*"},
      {"model.lora.rank=3", "optim.lr=1e-2", "zeroth_order.eps=1e-2"},
      {"model.lora.targets=c_proj", "train.dtype=BF16"},
      {"model.prefix.tokens=5", "optim.lr=1e-2", "zeroth_order.eps=1e-1"},
      {"model.prefix.tokens=3", "train.dtype=BF16",
       "zeroth_order.rounding=MASTERS"},
  };
  for (const std::vector<std::string>& variant : variants) {
    SCOPED_TRACE(variant.front());
    const TinyRun one = Train("gpt2", variant, 1, 12);
    for (const Mesh& mesh :
         {kMeshes[1], kMeshes[9], kMeshes[10], kMeshes[11]}) {
      SCOPED_TRACE(mesh.name);
      std::vector<std::string> both = variant;
      both.insert(both.end(), mesh.overrides.begin(), mesh.overrides.end());
      ExpectEqualBits(one, Train("gpt2", both, mesh.ranks, 12));
    }
  }
}

TEST(InvarianceTest, EveryInstructionSetsNoiseGivesEqualBits) {
  const std::vector<ZerothOrderKernels> all = AllZerothOrderKernels();
  ASSERT_GE(all.size(), 2u);
  const TinyRun best = Train("llama", {}, 1);
  for (const ZerothOrderKernels& kernels : all) {
    SCOPED_TRACE(kernels.isa);
    ExpectEqualBits(best, Train("llama", {}, 1, kSteps, &kernels));
  }
}

// Tensor parallelism adds in another order inside products: near, not equal.
TEST(InvarianceTest, TensorParallelRunsStayNear) {
  for (const char* family : {"gpt2", "llama"}) {
    const TinyRun start = Train(family, {}, 1, 0);
    const TinyRun one = Train(family, {}, 1);
    const TinyRun two = Train(family, {"topology.tp=2"}, 2);
    EXPECT_LT(LossDifference(one, two), 1e-4);
    double apart = 0, moved = 0;
    for (const auto& [name, values] : one.state) {
      const std::vector<float>& other = two.state.at(name);
      const std::vector<float>& before = start.state.at(name);
      for (size_t i = 0; i < values.size(); ++i) {
        apart += std::pow(values[i] - other[i], 2);
        moved += std::pow(values[i] - before[i], 2);
      }
    }
    EXPECT_LE(std::sqrt(apart), 2e-2 * std::sqrt(moved)) << family;
    EXPECT_GT(moved, 0);
  }
}

TEST(InvarianceTest, WhatIsNotTrainedStaysAsItWas) {
  const std::vector<std::string> some = {"model.trainable=*.mlp.c_fc.weight"};
  const TinyRun start = Train("gpt2", {}, 1, 0);
  const TinyRun end = Train("gpt2", some, 1, 10);
  int moved = 0;
  for (const auto& [name, values] : end.state) {
    if (name.ends_with(".mlp.c_fc.weight")) {
      EXPECT_NE(values, start.state.at(name)) << name;
      ++moved;
    } else {
      EXPECT_EQ(values, start.state.at(name)) << name;
    }
  }
  EXPECT_EQ(moved, 4);
}

TEST(InvarianceTest, OnlyAdaptersMove) {
  for (const std::string adapter :
       {"model.lora.rank=4", "model.prefix.tokens=5"}) {
    const TinyRun start = Train("llama", {adapter}, 1, 0);
    const TinyRun end = Train("llama", {adapter}, 1, 10);
    for (const auto& [name, values] : end.state) {
      const bool adapts = name.find(".lora_") != std::string::npos ||
                          name.find(".prefix_") != std::string::npos;
      EXPECT_EQ(values != start.state.at(name), adapts) << name;
    }
  }
}

// More directions see more of the gradient: the loss falls.
TEST(InvarianceTest, TheLossFalls) {
  const TinyRun run = Train("gpt2", {"zeroth_order.directions=16"}, 1, 150);
  double first = 0, last = 0;
  for (size_t i = 0; i < 20; ++i) {
    first += run.steps[i].loss / 20;
    last += run.steps[run.steps.size() - 1 - i].loss / 20;
  }
  EXPECT_LT(last, first - 0.05);
}

// Counted by the communicators: each replica sends its losses once to each of
// the other three, and nothing else crosses dp or pertp.
TEST(InvarianceTest, LossesAreAllThatTravelsBetweenReplicas) {
  constexpr int kRanks = 4, kFew = 3;
  const TinyRun run =
      Train("gpt2", {"topology.dp=2", "topology.pertp=2"}, kRanks, kFew);
  for (int r = 0; r < kRanks; ++r) {
    const TinyRun::Traffic& traffic = run.traffic[static_cast<size_t>(r)];
    const int64_t contributed = traffic.replicas / (kRanks - 1) / kFew;
    EXPECT_EQ(contributed, traffic.steps[0].loss_bytes) << r;
    // Micro-batches of 3 + 3 and 2 sequences; 2 of the 4 probes each.
    const int64_t sequences = r < 2 ? 6 : 2;
    EXPECT_GT(contributed, 0);
    EXPECT_LE(contributed, 16 * sequences * 2 + 64) << r;
    EXPECT_EQ(traffic.dp, 0) << r;
  }
}

TEST(InvarianceTest, PipelinesSendActivationsForwardOnly) {
  const TinyRun run = Train("gpt2", {"topology.pp=2"}, 2, 2);
  // 4 probes of 8 sequences of 20 tokens, 32 wide, fp32; and the second stage
  // tells the first what came of it.
  EXPECT_GE(run.traffic[0].steps[1].pp_bytes, 4 * 8 * 20 * 32 * 4);
  EXPECT_LT(run.traffic[0].steps[1].pp_bytes, 4 * 8 * 20 * 32 * 4 + 256);
  EXPECT_LT(run.traffic[1].steps[1].pp_bytes, 256);
  EXPECT_EQ(run.traffic[0].steps[1].loss_bytes, 0);
}

}  // namespace
}  // namespace perdure
