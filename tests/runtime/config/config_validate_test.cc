#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

RunConfig Good() {
  const auto config = ParseConfig(
      "model { family: \"gpt2\" vocab_size: 65 context: 64 layers: 4 heads: 4 "
      "hidden: 128 }\n"
      "data { train { path: \"a.tokens\" } val_fraction: 0.1 }\n"
      "train { steps: 100 global_batch: 8 }\n",
      "good");
  EXPECT_TRUE(config.ok()) << config.status();
  return *config;
}

// The problems of the good config after `assignments`.
std::vector<std::string> ProblemsAfter(
    const std::vector<std::string>& assignments) {
  RunConfig config = Good();
  const absl::Status status = ApplyOverrides(assignments, &config);
  EXPECT_TRUE(status.ok()) << status;
  return ValidateConfig(config, /*for_training=*/true);
}

TEST(ValidateConfigTest, GoodConfigHasNoProblemsBeforeAndAfterResolving) {
  EXPECT_THAT(ValidateConfig(Good(), true), IsEmpty());
  EXPECT_THAT(ValidateConfig(ResolveConfig(Good()), true), IsEmpty());
  EXPECT_TRUE(CheckConfig(Good(), true).ok());
}

TEST(ValidateConfigTest, UnevenBatchesAndReplicasAreFine) {
  EXPECT_THAT(ProblemsAfter({"train.micro_batch=3", "topology.dp=7"}),
              IsEmpty());
}

TEST(ValidateConfigTest, ShortTrialOfALongConfigIsFine) {
  EXPECT_THAT(ProblemsAfter({"optim.warmup_steps=200", "train.steps=10"}),
              IsEmpty());
  RunConfig config = Good();
  ASSERT_TRUE(
      ApplyOverrides({"optim.warmup_steps=200", "train.steps=10"}, &config)
          .ok());
  EXPECT_THAT(ValidateConfig(ResolveConfig(config), true), IsEmpty());
}

TEST(ValidateConfigTest, EverythingTrainingNeedsIsAskedForAtOnce) {
  EXPECT_THAT(ValidateConfig(RunConfig(), true),
              ElementsAre(StartsWith("model.family: is missing; "),
                          StartsWith("model.vocab_size: is missing"),
                          StartsWith("model.context: is missing"),
                          StartsWith("model.layers: is missing"),
                          StartsWith("model.heads: is missing"),
                          StartsWith("model.hidden: is missing"),
                          StartsWith("data.train: is missing"),
                          StartsWith("train.steps: is missing"),
                          StartsWith("train.global_batch: is missing")));
  EXPECT_THAT(ValidateConfig(RunConfig(), false), IsEmpty());
}

TEST(ValidateConfigTest, InitFromStandsForTheModel) {
  RunConfig config = Good();
  config.clear_model();
  config.mutable_model()->set_init_from("some/dir");
  EXPECT_THAT(ValidateConfig(config, true), IsEmpty());
}

TEST(ValidateConfigTest, LlamaNeedsItsFfnWidth) {
  EXPECT_THAT(ProblemsAfter({"model.family=llama"}),
              ElementsAre(StartsWith("model.ffn_hidden: is missing")));
  EXPECT_THAT(ProblemsAfter({"model.family=llama", "model.ffn_hidden=344"}),
              IsEmpty());
}

TEST(ValidateConfigTest, CheckConfigHasOneLineAProblem) {
  RunConfig config = Good();
  config.mutable_train()->set_steps(0);
  config.mutable_optim()->set_lr(-1);
  const absl::Status status = CheckConfig(config, true);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "train.steps: 0 is too small; give at least 1\n"
            "optim.lr: -1 is not positive; give a number above 0");
}

struct Case {
  std::vector<std::string> assignments;
  std::string path;  // of the one problem
  std::string text;  // in it
};

class OneProblemTest : public ::testing::TestWithParam<Case> {};

TEST_P(OneProblemTest, IsNamedWithItsPathValueAndRemedy) {
  EXPECT_THAT(ProblemsAfter(GetParam().assignments),
              ElementsAre(AllOf(StartsWith(GetParam().path + ": "),
                                HasSubstr(GetParam().text), HasSubstr("; "))));
}

INSTANTIATE_TEST_SUITE_P(
    Model, OneProblemTest,
    ::testing::Values(
        Case{{"model.family=gpt"}, "model.family", "did you mean 'gpt2'"},
        Case{{"model.vocab_size=0"}, "model.vocab_size", "0 is too small"},
        Case{{"model.context=-5"}, "model.context", "-5"},
        Case{{"model.layers=0"}, "model.layers", "0"},
        Case{{"model.heads=0"}, "model.heads", "0"},
        Case{{"model.heads=3"},
             "model.heads",
             "3 does not divide model.hidden = 128"},
        Case{{"model.hidden=0"}, "model.hidden", "0"},
        Case{{"model.ffn_hidden=0"}, "model.ffn_hidden", "0"},
        Case{{"model.head_dim=16"},
             "model.head_dim",
             "16 x model.heads 4 = 64 is not model.hidden = 128"},
        Case{{"model.kv_heads=2"}, "model.kv_heads", "gpt2 has as many"},
        Case{{"model.family=llama", "model.ffn_hidden=8", "model.kv_heads=3"},
             "model.kv_heads",
             "3 does not divide"},
        Case{{"model.family=llama", "model.ffn_hidden=8", "model.head_dim=3"},
             "model.head_dim",
             "3 is odd"},
        Case{{"model.qkv_bias=false"}, "model.qkv_bias", "always"},
        Case{{"model.rope_theta=500"}, "model.rope_theta", "no rotary"},
        Case{{"model.family=opt", "model.norm_eps=1e-6"},
             "model.norm_eps",
             "always has 1e-5"},
        Case{{"model.norm_eps=0"}, "model.norm_eps", "not positive"},
        Case{{"model.dropout=1"}, "model.dropout", "no fraction"},
        Case{{"model.init_std=nan"}, "model.init_std", "nan"},
        Case{{"model.activation=gelu_tan"},
             "model.activation",
             "did you mean 'gelu_tanh'"},
        Case{{"model.init_from="}, "model.init_from", "is empty"}));

INSTANTIATE_TEST_SUITE_P(
    Data, OneProblemTest,
    ::testing::Values(
        Case{{"data.train={weight: 1}"}, "data.train[0].path", "is missing"},
        Case{{"data.train[0].weight=0"}, "data.train[0].weight", "0"},
        Case{{"data.train={path: 'a' weight: 1}", "data.train={path: 'b'}"},
             "data.train[1].weight",
             "to all of them or to none"},
        Case{{"data.val_fraction=1"}, "data.val_fraction", "1 is no fraction"},
        Case{{"data.val_fraction=-0.1"}, "data.val_fraction", "-0.1"},
        Case{{"data.val.path=b"}, "data.val_fraction", "one of the two"},
        Case{{"data.tokenizer="}, "data.tokenizer", "is empty"}));

INSTANTIATE_TEST_SUITE_P(
    Train, OneProblemTest,
    ::testing::Values(
        Case{{"train.steps=0"}, "train.steps", "at least 1"},
        Case{{"train.threads_per_rank=0"}, "train.threads_per_rank", "0"},
        Case{{"train.global_batch=0"}, "train.global_batch", "0"},
        Case{{"train.micro_batch=0"}, "train.micro_batch", "0"},
        Case{{"train.micro_batch=9"},
             "train.micro_batch",
             "9 exceeds train.global_batch = 8"},
        Case{{"train.sequence_length=65"},
             "train.sequence_length",
             "65 exceeds model.context = 64"},
        Case{{"train.sequence_length=0"}, "train.sequence_length", "0"},
        Case{{"train.spike_factor=0.5"}, "train.spike_factor", "0.5"},
        Case{{"train.spike_factor=nan"}, "train.spike_factor", "nan"},
        Case{{"train.max_bad_steps=0"}, "train.max_bad_steps", "0"},
        Case{{"journal.copies=3"}, "journal.copies", "3"},
        Case{{"resilience.check_every_steps=-1"},
             "resilience.check_every_steps",
             "-1"},
        Case{{"resilience.spike_factor=0.5"}, "resilience.spike_factor", "0.5"},
        Case{{"resilience.spike_window=2"}, "resilience.spike_window", "2"},
        Case{{"resilience.skip={first: 8}"}, "resilience.skip[0]", "last"},
        Case{{"resilience.skip={first: 8 last: 7}"},
             "resilience.skip[0]",
             "8 to 7"},
        Case{{"train.log_every=0"}, "train.log_every", "0"},
        Case{{"eval.every_steps=-1"}, "eval.every_steps", "-1"},
        Case{{"eval.sequences=-1"}, "eval.sequences", "-1"},
        Case{{"data.val_fraction=0", "eval.every_steps=10"},
             "eval.every_steps",
             "no validation data"},
        Case{{"snapshot.every_steps=-1"}, "snapshot.every_steps", "-1"},
        Case{{"snapshot.keep_last=-1"}, "snapshot.keep_last", "-1"},
        Case{{"snapshot.keep_every=-1"}, "snapshot.keep_every", "-1"},
        Case{{"snapshot.keep_every=10"}, "snapshot.keep_every", "never taken"},
        Case{{"snapshot.every_steps=4", "snapshot.keep_every=10"},
             "snapshot.keep_every",
             "no multiple"},
        Case{{"trace.steps=-1"}, "trace.steps", "-1"},
        Case{{"trace.first_step=0"}, "trace.first_step", "0"}));

INSTANTIATE_TEST_SUITE_P(
    OptimAndTopology, OneProblemTest,
    ::testing::Values(
        Case{{"optim.lr=0"}, "optim.lr", "not positive"},
        Case{{"optim.lr=inf"}, "optim.lr", "inf"},
        Case{{"optim.min_lr=-1"}, "optim.min_lr", "-1"},
        Case{{"optim.min_lr=1"}, "optim.min_lr", "exceeds optim.lr"},
        Case{{"optim.warmup_steps=-1"}, "optim.warmup_steps", "-1"},
        Case{{"optim.decay_steps=0"}, "optim.decay_steps", "at least 1"},
        Case{{"optim.decay_steps=50", "optim.warmup_steps=50"},
             "optim.decay_steps",
             "50 is not after"},
        Case{{"optim.wsd_decay_steps=0"}, "optim.wsd_decay_steps", "0"},
        Case{{"optim.beta1=1"}, "optim.beta1", "1 is no fraction"},
        Case{{"optim.beta2=-0.5"}, "optim.beta2", "-0.5"},
        Case{{"optim.eps=0"}, "optim.eps", "not positive"},
        Case{{"optim.weight_decay=-1"}, "optim.weight_decay", "-1"},
        Case{{"optim.clip_norm=nan"}, "optim.clip_norm", "nan"},
        Case{{"optim.zero=2"}, "optim.zero", "give 0 to 1"},
        Case{{"topology.dp=0"}, "topology.dp", "0"},
        Case{{"topology.tp=-1"}, "topology.tp", "-1"},
        Case{{"topology.pp=0"}, "topology.pp", "0"},
        Case{{"topology.pertp=0"}, "topology.pertp", "0"},
        Case{{"topology.pertp=2"}, "topology.pertp", "zeroth-order"},
        Case{{"topology.ranks=0"}, "topology.ranks", "0"},
        Case{{"train.method=ZEROTH_ORDER", "zeroth_order.eps=0"},
             "zeroth_order.eps",
             "0"},
        Case{{"train.method=ZEROTH_ORDER", "zeroth_order.directions=0"},
             "zeroth_order.directions",
             "0"},
        Case{{"train.method=ZEROTH_ORDER", "zeroth_order.estimator=ONE_SIDED",
              "zeroth_order.divide_by_spread=true"},
             "zeroth_order.divide_by_spread",
             "no spread"},
        Case{{"train.method=ZEROTH_ORDER", "zeroth_order.directions=8",
              "zeroth_order.divide_by_spread=true"},
             "zeroth_order.divide_by_spread",
             "ONE_SIDED"},
        Case{{"train.method=ZEROTH_ORDER", "optim.warmup_steps=5",
              "zeroth_order.eps_is_lr=true"},
             "zeroth_order.eps_is_lr",
             "warmup_steps"},
        Case{{"topology.timeout_seconds=0"},
             "topology.timeout_seconds",
             "not positive"}));

TEST(ValidateConfigTest, AdaptersThatCannotBeAreRefused) {
  EXPECT_THAT(ProblemsAfter({"model.lora.rank=8"}), IsEmpty());
  EXPECT_THAT(ProblemsAfter({"model.prefix.tokens=5"}), IsEmpty());
  EXPECT_THAT(ProblemsAfter({"model.lora.rank=0", "model.lora.alpha=-1",
                             "model.lora.targets="}),
              ElementsAre(StartsWith("model.lora.rank: 0 "),
                          StartsWith("model.lora.alpha: -1 "),
                          StartsWith("model.lora.targets: ")));
  EXPECT_THAT(ProblemsAfter({"model.lora.rank=129"}),
              ElementsAre(HasSubstr("129 exceeds model.hidden = 128")));
  EXPECT_THAT(ProblemsAfter({"model.prefix.tokens=0"}),
              ElementsAre(StartsWith("model.prefix.tokens: 0 ")));
  EXPECT_THAT(ProblemsAfter({"model.prefix.tokens=65"}),
              ElementsAre(HasSubstr("model.prefix.init: RANDOM")));
  EXPECT_THAT(
      ProblemsAfter({"model.prefix.tokens=65", "model.prefix.init=RANDOM"}),
      IsEmpty());
  EXPECT_THAT(ProblemsAfter({"model.lora.rank=8", "model.prefix.tokens=5"}),
              ElementsAre(HasSubstr("leave one of them out")));
}

TEST(ValidateConfigTest, BackupsNeedWholeReplicas) {
  EXPECT_THAT(ProblemsAfter({"train.method=ZEROTH_ORDER",
                             "resilience.backup_probes=true", "topology.dp=4"}),
              IsEmpty());
  EXPECT_THAT(
      ProblemsAfter({"train.method=ZEROTH_ORDER",
                     "resilience.backup_probes=true", "topology.pp=2"}),
      ElementsAre(AllOf(StartsWith("resilience.backup_probes: "),
                        HasSubstr("topology.pp = 2; set topology.pp: 1"))));
  EXPECT_THAT(ProblemsAfter({"resilience.backup_probes=true"}),
              ElementsAre(HasSubstr("use resilience.gradient_coding")));
}

TEST(ValidateConfigTest, RepeatedStepsNeedTheSameRanks) {
  EXPECT_THAT(ProblemsAfter({"resilience.repeat_bad_steps=true",
                             "resilience.rebalance=true", "topology.dp=4"}),
              IsEmpty());
  EXPECT_THAT(ProblemsAfter({"train.method=ZEROTH_ORDER",
                             "resilience.backup_probes=true", "topology.dp=4",
                             "resilience.repeat_every_steps=10"}),
              ElementsAre(AllOf(StartsWith("resilience.repeat_every_steps: "),
                                HasSubstr("resilience.backup_probes"))));
  EXPECT_THAT(
      ProblemsAfter({"resilience.gradient_coding=1", "optim.zero=0",
                     "topology.dp=4", "resilience.repeat_bad_steps=true"}),
      ElementsAre(AllOf(StartsWith("resilience.repeat_bad_steps: "),
                        HasSubstr("resilience.gradient_coding"))));
}

TEST(ValidateConfigTest, GradientCodingNeedsWholeStatesAndReplicas) {
  EXPECT_THAT(ProblemsAfter({"resilience.gradient_coding=1", "optim.zero=0",
                             "topology.dp=4"}),
              IsEmpty());
  EXPECT_THAT(
      ProblemsAfter({"resilience.gradient_coding=1", "topology.pp=2",
                     "topology.tp=2", "resilience.rebalance=true"}),
      ElementsAre(
          AllOf(StartsWith("resilience.gradient_coding: 1 needs the whole "
                           "optimizer state"),
                HasSubstr("optim.zero = 1; set optim.zero: 0")),
          StartsWith("resilience.rebalance: true and "),
          HasSubstr("topology.pp = 2; set topology.pp: 1"),
          HasSubstr("topology.tp = 2; set topology.tp: 1")));
  EXPECT_THAT(ProblemsAfter({"train.method=ZEROTH_ORDER", "optim.zero=0",
                             "resilience.gradient_coding=1"}),
              ElementsAre(HasSubstr("use resilience.backup_probes")));
  EXPECT_THAT(ProblemsAfter({"resilience.gradient_coding=-1"}),
              ElementsAre(StartsWith("resilience.gradient_coding: -1")));
}

TEST(ValidateConfigTest, RebalancingIsOnWhereItChangesNoBit) {
  RunConfig config = Good();
  EXPECT_FALSE(ResolveConfig(config).resilience().rebalance());
  config.mutable_train()->set_method(TrainConfig::ZEROTH_ORDER);
  EXPECT_TRUE(ResolveConfig(config).resilience().rebalance());
  config.mutable_resilience()->set_rebalance(false);
  EXPECT_FALSE(ResolveConfig(config).resilience().rebalance());
}

}  // namespace
}  // namespace perdure
