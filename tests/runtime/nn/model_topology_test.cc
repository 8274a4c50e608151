#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/nn/param_spec.h"
#include "tests/runtime/nn/test_models.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Topology Mesh(int pp, int tp) {
  TopologyConfig config;
  config.set_pp(pp);
  config.set_tp(tp);
  return *Topology::Create(config, pp * tp);
}

TEST(StageBlocksTest, LayersAreCutEvenlyBetweenEmbeddingAndHead) {
  const ModelConfig model = SomeModel("gpt2", {65, 7, 5, 5, 10});
  EXPECT_EQ(StageBlocks(model, 1, 0), (Range{0, 7}));
  EXPECT_EQ(StageBlocks(model, 2, 0), (Range{0, 4}));
  EXPECT_EQ(StageBlocks(model, 2, 1), (Range{4, 7}));
  EXPECT_EQ(StageBlocks(model, 3, 1), (Range{3, 5}));
  for (int pp = 1; pp <= 5; ++pp) {
    int64_t end = 0;
    for (int stage = 0; stage < pp; ++stage) {
      const Range blocks = StageBlocks(model, pp, stage);
      EXPECT_EQ(blocks.begin, end);
      end = blocks.end;
    }
    EXPECT_EQ(end, 7);
  }
}

TEST(CheckModelTopologyTest, WhatFitsHasNoProblems) {
  const ModelConfig model = SomeModel("gpt2", {65, 7, 5, 5, 10});
  for (int pp = 1; pp <= 5; ++pp) {
    for (int tp = 1; tp <= 5; ++tp) {
      EXPECT_THAT(CheckModelTopology(model, Mesh(pp, tp)), IsEmpty());
    }
  }
}

TEST(CheckModelTopologyTest, EveryLimitIsNamedWithItsRemedy) {
  ModelConfig model = SomeModel("llama", {5, 7, 2, 8, 16});
  model.set_kv_heads(2);
  model.set_ffn_hidden(3);
  EXPECT_THAT(
      CheckModelTopology(model, Mesh(3, 6)),
      ElementsAre(HasSubstr("topology.tp: 6 exceeds model.kv_heads = 2; set "
                            "topology.tp to at most 2"),
                  HasSubstr("topology.tp: 6 exceeds model.ffn_hidden = 3"),
                  HasSubstr("topology.tp: 6 exceeds model.vocab_size = 5"),
                  HasSubstr("topology.pp: 3 exceeds model.layers = 2")));
}

TEST(CheckModelTopologyTest, QueryHeadsThatDoNotFormGroupsAreRefused) {
  ModelConfig model = SomeModel("llama", {65, 7, 2, 8, 16});
  model.set_kv_heads(3);
  EXPECT_THAT(CheckModelTopology(model, Mesh(1, 1)),
              ElementsAre(HasSubstr("model.kv_heads: 3 does not divide "
                                    "model.heads = 8")));
}

TEST(CheckModelTopologyTest, WrongLoraTargetsAreNamedWithTheNearest) {
  ModelConfig model = SomeModel("opt", {65, 7, 2, 4, 16});
  for (const char* target : {"q_proj", "q_porj", "*.fc?", "c_attn"}) {
    model.mutable_lora()->add_targets(target);
  }
  EXPECT_THAT(
      CheckModelTopology(model, Mesh(1, 1)),
      ElementsAre(HasSubstr("model.lora.targets[1]: 'q_porj' is no linear "
                            "layer of opt, which has q_proj, k_proj, v_proj, "
                            "out_proj, fc1, fc2, did you mean 'q_proj'"),
                  HasSubstr("model.lora.targets[3]: 'c_attn' is no")));
}

TEST(CheckModelTopologyTest, AdaptersThatNothingTrainsAreRefused) {
  ModelConfig model = SomeModel("gpt2", {65, 7, 2, 4, 16});
  model.mutable_lora();
  model = ResolveModelConfig(model);
  EXPECT_THAT(CheckModelTopology(model, Mesh(1, 1)), IsEmpty());
  model.add_trainable("*.ln_1.*");
  EXPECT_THAT(CheckModelTopology(model, Mesh(1, 1)),
              ElementsAre(HasSubstr("add \"*.lora_*\"")));
  model.add_trainable("*.lora_?.weight");
  EXPECT_THAT(CheckModelTopology(model, Mesh(1, 1)), IsEmpty());
}

}  // namespace
}  // namespace perdure
