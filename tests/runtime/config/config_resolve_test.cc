#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

RunConfig Parsed(const std::string& text) {
  const auto config = ParseConfig(text, "text");
  EXPECT_TRUE(config.ok()) << config.status();
  return *config;
}

RunConfig Small(const std::string& family) {
  return Parsed("model { family: \"" + family +
                "\" vocab_size: 65 context: 64 layers: 4 heads: 4 hidden: 128 "
                "}\n"
                "train { steps: 200 global_batch: 8 }\n"
                "optim { lr: 1e-3 }\n");
}

TEST(ResolveConfigTest, DefaultsThatDependOnOtherFieldsAreWrittenOut) {
  const RunConfig config = ResolveConfig(Small("gpt2"));
  EXPECT_EQ(config.model().kv_heads(), 4);
  EXPECT_EQ(config.model().head_dim(), 32);
  EXPECT_EQ(config.model().ffn_hidden(), 512);
  EXPECT_TRUE(config.model().tie_embeddings());
  EXPECT_TRUE(config.model().qkv_bias());
  EXPECT_EQ(config.model().activation(), "gelu_tanh");
  EXPECT_EQ(config.train().micro_batch(), 8);
  EXPECT_EQ(config.train().sequence_length(), 64);
  EXPECT_DOUBLE_EQ(config.optim().min_lr(), 1e-4);
  EXPECT_EQ(config.optim().decay_steps(), 200);
  EXPECT_EQ(config.optim().wsd_decay_steps(), 20);
}

TEST(ResolveConfigTest, FamiliesDiffer) {
  const RunConfig opt = ResolveConfig(Small("opt"));
  EXPECT_EQ(opt.model().activation(), "relu");
  EXPECT_TRUE(opt.model().tie_embeddings());
  EXPECT_FALSE(opt.model().has_rope_theta());
  const RunConfig llama = ResolveConfig(Small("llama"));
  EXPECT_EQ(llama.model().activation(), "silu");
  EXPECT_FALSE(llama.model().tie_embeddings());
  EXPECT_FALSE(llama.model().qkv_bias());
  EXPECT_FALSE(llama.model().has_ffn_hidden());
  EXPECT_EQ(llama.model().rope_theta(), 10000);
  EXPECT_TRUE(llama.model().has_rope_theta());
}

TEST(ResolveConfigTest, ConstantDefaultsAreWrittenOutToo) {
  const RunConfig config = ResolveConfig(Small("gpt2"));
  EXPECT_TRUE(config.train().has_seed());
  EXPECT_EQ(config.train().seed(), 1337u);
  EXPECT_TRUE(config.optim().has_schedule());
  EXPECT_EQ(config.optim().schedule(), OptimConfig::COSINE);
  EXPECT_TRUE(config.snapshot().has_at_end());
  EXPECT_TRUE(config.snapshot().at_end());
  EXPECT_TRUE(config.topology().has_timeout_seconds());
  EXPECT_FALSE(config.topology().has_dp());  // depends on the ranks
}

TEST(ResolveConfigTest, GivenValuesStay) {
  RunConfig config = Small("llama");
  ASSERT_TRUE(ApplyOverrides(
                  {"model.kv_heads=2", "model.head_dim=8", "model.ffn_hidden=7",
                   "model.tie_embeddings=true", "model.qkv_bias=true",
                   "model.activation=gelu", "model.rope_theta=5",
                   "train.micro_batch=3", "train.sequence_length=9",
                   "train.seed=1", "optim.min_lr=0", "optim.decay_steps=50",
                   "optim.wsd_decay_steps=4", "resilience.rebalance=true"},
                  &config)
                  .ok());
  const RunConfig resolved = ResolveConfig(config);
  EXPECT_THAT(DiffConfigs(config, resolved), IsEmpty());
}

TEST(ResolveConfigTest, ZerothOrderRunsHaveMezosRateAndNoDecay) {
  RunConfig config;
  const OptimConfig first = ResolveConfig(config).optim();
  EXPECT_EQ(first.lr(), 6e-4);
  EXPECT_EQ(first.schedule(), OptimConfig::COSINE);
  EXPECT_EQ(first.weight_decay(), 0.1);
  config.mutable_train()->set_method(TrainConfig::ZEROTH_ORDER);
  const OptimConfig zeroth = ResolveConfig(config).optim();
  EXPECT_EQ(zeroth.lr(), 1e-6);
  EXPECT_EQ(zeroth.schedule(), OptimConfig::CONSTANT);
  EXPECT_EQ(zeroth.weight_decay(), 0);
  config.mutable_optim()->set_lr(1e-3);
  EXPECT_EQ(ResolveConfig(config).optim().lr(), 1e-3);
}

TEST(ResolveConfigTest, ResolvingTwiceChangesNothing) {
  for (const char* family : {"gpt2", "opt", "llama"}) {
    const RunConfig once = ResolveConfig(Small(family));
    EXPECT_EQ(ResolveConfig(once).SerializeAsString(),
              once.SerializeAsString());
  }
  const RunConfig empty = ResolveConfig(RunConfig());
  EXPECT_EQ(ResolveConfig(empty).SerializeAsString(),
            empty.SerializeAsString());
}

TEST(DiffConfigsTest, EveryDifferenceIsAPathWithBothValues) {
  RunConfig a = ResolveConfig(Small("gpt2"));
  a.mutable_data()->add_train()->set_path("x");
  RunConfig b = a;
  EXPECT_THAT(DiffConfigs(a, b), IsEmpty());
  b.mutable_train()->set_seed(2);
  b.mutable_optim()->set_schedule(OptimConfig::WSD);
  b.mutable_topology()->set_dp(3);
  b.mutable_data()->mutable_train(0)->set_path("y");
  b.mutable_data()->add_train()->set_path("z");
  EXPECT_THAT(
      DiffConfigs(a, b),
      ElementsAre("data.train[0].path: \"x\" -> \"y\"",
                  "data.train[1]: (none) -> {path: \"z\"}",
                  "train.seed: 1337 -> 2", "optim.schedule: COSINE -> WSD",
                  "topology.dp: (not set) -> 3"));
  EXPECT_THAT(DiffConfigs(b, a),
              ::testing::Contains("data.train[1]: {path: \"z\"} -> (none)"));
}

TEST(DiffConfigsTest, DefaultWrittenOutIsNoDifference) {
  RunConfig a;
  a.mutable_train()->set_seed(1337);
  EXPECT_THAT(DiffConfigs(a, RunConfig()), IsEmpty());
}

TEST(CompleteModelConfigTest, WeightsDecideAndTheRunChoosesDropout) {
  const ModelConfig found = ResolveConfig(Small("opt")).model();
  ModelConfig given;
  given.set_init_from("dir");
  given.set_dropout(0.1);
  given.set_layers(4);
  const auto model = CompleteModelConfig(given, found);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->hidden(), 128);
  EXPECT_EQ(model->dropout(), 0.1);
  EXPECT_EQ(model->init_from(), "dir");
}

TEST(CompleteModelConfigTest, EveryContradictionIsListed) {
  const ModelConfig found = ResolveConfig(Small("opt")).model();
  ModelConfig given;
  given.set_init_from("dir");
  given.set_layers(12);
  given.set_context(64);
  given.set_family("gpt2");
  const absl::Status status = CompleteModelConfig(given, found).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("model.family: \"gpt2\", but the weights at dir "
                              "have \"opt\""),
                    HasSubstr("model.layers: 12, but the weights at dir have "
                              "4"),
                    Not(HasSubstr("context"))));
}

}  // namespace
}  // namespace perdure
