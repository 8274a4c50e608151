// Groups of replicas that compute the same micro-batches: the bits of a run
// with one replica for each group, whoever of a group was first.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "parallel/engine/gradient_passes.h"
#include "tests/parallel/engine/tiny_run.h"

namespace perdure {
namespace {

constexpr int kSteps = 8;

TinyRun Train(const std::string& family, std::vector<std::string> settings,
              int ranks, const PrepareStep& prepare = nullptr) {
  settings.push_back("optim.zero=0");
  return TrainTiny(TinyConfig(family, settings), ranks, kSteps, nullptr,
                   prepare);
}

std::vector<std::string> Coded(int dp, int spare) {
  return {absl::StrCat("topology.dp=", dp),
          absl::StrCat("resilience.gradient_coding=", spare)};
}

TEST(GradientCodingTest, GroupsHaveAtLeastTheMembersAskedFor) {
  RunConfig config;
  EXPECT_EQ(GradientGroups(config, 5), 5);
  config.mutable_resilience()->set_gradient_coding(1);
  EXPECT_EQ(GradientGroups(config, 4), 2);
  EXPECT_EQ(GradientGroups(config, 5), 2);
  EXPECT_EQ(GradientGroups(config, 1), 1);  // the last survivor goes on
}

// But for the norm, whose parts are added up by rank: so without clipping.
TEST(GradientCodingTest, GroupsHaveTheBitsOfSingleReplicas) {
  const auto train = [](const std::string& family, int ranks,
                        std::vector<std::string> settings) {
    settings.push_back("optim.clip_norm=0");
    TinyRun run = Train(family, settings, ranks);
    for (StepRecord& step : run.steps) step.grad_norm = 0;
    return run;
  };
  for (const char* family : {"gpt2", "llama"}) {
    SCOPED_TRACE(family);
    const TinyRun two = train(family, 2, {"topology.dp=2"});
    ExpectEqualBits(two, train(family, 4, Coded(4, 1)));
    ExpectEqualBits(two, train(family, 5, Coded(5, 1)));
    ExpectEqualBits(train(family, 1, {}), train(family, 3, Coded(3, 2)));
  }
}

TEST(GradientCodingTest, TheNormIsThatOfSingleReplicas) {
  const TinyRun two = Train("gpt2", {"topology.dp=2"}, 2);
  const TinyRun coded = Train("gpt2", Coded(4, 1), 4);
  for (int i = 0; i < kSteps; ++i) {
    const double norm = two.steps[static_cast<size_t>(i)].grad_norm;
    EXPECT_NEAR(coded.steps[static_cast<size_t>(i)].grad_norm, norm,
                1e-5 * norm);
  }
}

TEST(GradientCodingTest, ASlowRankChangesNoBitAndDropsItsWork) {
  const std::vector<std::vector<std::string>> variants = {
      {"model.dropout=0.1"}, {"train.recompute=true"}, {"train.dtype=BF16"}};
  for (const std::vector<std::string>& variant : variants) {
    SCOPED_TRACE(variant.front());
    std::vector<std::string> settings = Coded(4, 1);
    settings.insert(settings.end(), variant.begin(), variant.end());
    const TinyRun undisturbed = Train("gpt2", settings, 4);
    for (const int slow : {0, 3}) {
      SCOPED_TRACE(slow);
      const TinyRun run = Train("gpt2", settings, 4, SlowRank(slow));
      ExpectEqualBits(undisturbed, run);
      const auto blocks = [&](int r) {
        return run.traffic[static_cast<size_t>(r)].blocks;
      };
      EXPECT_LT(blocks(slow), blocks(slow ^ 1) / 2);
    }
  }
}

// Without coding: other shares add in another order, no more.
TEST(GradientCodingTest, UnevenSharesStayNear) {
  const TinyRun even = Train("gpt2", {"topology.dp=2"}, 2);
  const TinyRun uneven =
      Train("gpt2", {"topology.dp=2"}, 2, [](TrainEngine* engine, int, int) {
        engine->SetShares({0, 3});
      });
  EXPECT_LT(LossDifference(even, uneven), 1e-5);
  EXPECT_LT(StateDifference(even, uneven), 5e-3);
}

}  // namespace
}  // namespace perdure
