// Replay refuses what would not come out the same, and says why.

#include "checkpoint/journal/constants.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using testing::HasSubstr;
using testing::Not;

RunConfig Config(const std::vector<std::string>& overrides) {
  auto config = ParseConfig(
      "model { family: 'gpt2' vocab_size: 17 context: 16 layers: 1 heads: 2 "
      "hidden: 8 } train { method: ZEROTH_ORDER steps: 10 global_batch: 4 }",
      "test");
  EXPECT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(ApplyOverrides(overrides, &*config).ok());
  return ResolveConfig(*config);
}

absl::Status Check(const std::vector<std::string>& now) {
  return CheckReplayable(ConstantsOf(Config({})), ConstantsOf(Config(now)));
}

TEST(JournalConstantsTest, TheSameConfigIsReplayable) {
  EXPECT_TRUE(Check({}).ok());
}

// What is in the records, or does not touch the weights, may differ.
TEST(JournalConstantsTest, RatesAndLayoutMayDiffer) {
  EXPECT_TRUE(Check({"optim.lr=0.5", "train.steps=99", "topology.pp=2",
                     "zeroth_order.eps=0.5", "zeroth_order.directions=3",
                     "train.threads_per_rank=2"})
                  .ok());
}

TEST(JournalConstantsTest, EveryOtherConstantIsNamedWithBothValues) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"train.seed=7", "train.seed: 1337 -> 7"},
      {"train.dtype=BF16", "train.dtype: F32 -> BF16"},
      {"zeroth_order.noise=RADEMACHER",
       "zeroth_order.noise: GAUSSIAN -> RADEMACHER"},
      {"zeroth_order.rounding=NEAREST",
       "zeroth_order.rounding: STOCHASTIC -> NEAREST"},
      {"train.method=FIRST_ORDER", "train.method: ZEROTH_ORDER -> FIRST_ORDER"},
      {"optim.weight_decay=0.1",
       "transformer.wte.weight: [17, 8] -> [17, 8] decays"},
      {"model.trainable=*.mlp.*",
       "transformer.h.0.attn.c_attn.weight: [8, 24] "
       "-> [8, 24] frozen"},
      {"model.hidden=16",
       "transformer.h.0.attn.c_attn.weight: [8, 24] -> [16, 48]"}};
  for (const auto& [override, message] : cases) {
    const absl::Status status = Check({override});
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << override;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_THAT(std::string(status.message()), HasSubstr("cannot be replayed"));
  }
}

TEST(JournalConstantsTest, AnotherDefinitionOfTheNoiseIsRefused) {
  JournalConstants written = ConstantsOf(Config({}));
  written.set_noise_version(99);
  const absl::Status status = CheckReplayable(written, ConstantsOf(Config({})));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("noise version (docs/noise.md): 99 -> 1"));
}

TEST(JournalConstantsTest, MissingParametersAreNamedBothWays) {
  JournalConstants written = ConstantsOf(Config({}));
  JournalConstants now = written;
  now.mutable_parameters(0)->set_name("another");
  const absl::Status status = CheckReplayable(written, now);
  EXPECT_THAT(std::string(status.message()), HasSubstr("-> (none)"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("another: (none) ->"));
}

TEST(JournalConstantsTest, TiedWeightsAreOneParameter) {
  const JournalConstants constants = ConstantsOf(Config({}));
  for (const JournalParameter& p : constants.parameters()) {
    EXPECT_THAT(p.name(), Not(HasSubstr("lm_head")));
  }
}

}  // namespace
}  // namespace perdure
