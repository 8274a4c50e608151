#include "parallel/zeroth_order/estimator.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parallel/zeroth_order/probes.h"

namespace perdure {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

ZerothOrderConfig Config(int directions, bool central) {
  ZerothOrderConfig config;
  config.set_directions(directions);
  config.set_estimator(central ? ZerothOrderConfig::CENTRAL
                               : ZerothOrderConfig::ONE_SIDED);
  return config;
}

// Sequence s of probe p: losses[p][s]; weights 1 and 3.
LossTable Table(const std::vector<std::vector<double>>& losses) {
  LossTable table(static_cast<int>(losses.size()), 2);
  for (size_t p = 0; p < losses.size(); ++p) {
    for (int s = 0; s < 2; ++s) {
      table.loss(static_cast<int>(p), s) = losses[p][static_cast<size_t>(s)];
    }
  }
  table.weight(0) = 1;
  table.weight(1) = 3;
  return table;
}

TEST(ProbesTest, CentralPairsAndOneSidedWithTheCleanLossFirst) {
  EXPECT_THAT(
      ProbesOf(Config(2, true)),
      ElementsAre(Probe{0, 1}, Probe{0, -1}, Probe{1, 1}, Probe{1, -1}));
  EXPECT_THAT(ProbesOf(Config(2, false)),
              ElementsAre(Probe{-1, 0}, Probe{0, 1}, Probe{1, 1}));
}

TEST(ProbesTest, SharesKeepTheSignsOfADirectionTogether) {
  const auto probes = ProbesOf(Config(2, true));
  const auto groups = GroupProbes(probes, {1, 4});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].direction, 0);
  EXPECT_THAT(groups[0].signs, ElementsAre(-1));
  EXPECT_EQ(groups[1].direction, 1);
  EXPECT_THAT(groups[1].signs, ElementsAre(1, -1));
}

TEST(EstimatorTest, CentralDifferenceOfWeightedMeans) {
  // Means: 2.25, 1.75, 3, 1.
  const StepEstimate e = Estimate(
      Config(2, true), Table({{3, 6}, {1, 6}, {4, 8}, {0, 4}}), 0.1, 0.5);
  EXPECT_THAT(e.loss_plus, ElementsAre(DoubleEq(2.25), DoubleEq(3)));
  EXPECT_THAT(e.loss_minus, ElementsAre(DoubleEq(1.75), DoubleEq(1)));
  EXPECT_THAT(e.projected_grad, ElementsAre(DoubleEq(0.5), DoubleEq(2)));
  EXPECT_THAT(e.coefficients, ElementsAre(-0.025f, -0.1f));
  EXPECT_DOUBLE_EQ(e.loss.mean(), 2);
}

TEST(EstimatorTest, OneSidedUsesTheCleanLoss) {
  const StepEstimate e =
      Estimate(Config(2, false), Table({{1, 3}, {2, 4}, {1, 1}}), 0.1, 0.5);
  EXPECT_DOUBLE_EQ(e.loss.mean(), 1);
  EXPECT_THAT(e.projected_grad, ElementsAre(DoubleEq(1), DoubleEq(-1)));
  EXPECT_TRUE(e.loss_minus.empty());
}

TEST(EstimatorTest, SpreadReplacesEps) {
  ZerothOrderConfig config = Config(2, false);
  config.set_divide_by_spread(true);
  // Losses 1.5 and 0.5 around 1: spread sqrt(0.5).
  const LossTable table = Table({{1, 3}, {2, 4}, {1, 1}});
  for (const double eps : {0.5, 0.001}) {
    const StepEstimate e = Estimate(config, table, 0.1, eps);
    EXPECT_NEAR(e.coefficients[0], -0.1 * 0.5 / std::sqrt(0.5) / 2, 1e-8);
    EXPECT_NEAR(e.coefficients[1], 0.1 * 0.5 / std::sqrt(0.5) / 2, 1e-8);
  }
}

TEST(EstimatorTest, AgreementOfSequencesIsSignal) {
  // Both sequences say 1 a token: no error at all.
  const StepEstimate agreed =
      Estimate(Config(1, true), Table({{2, 6}, {1, 3}}), 0.1, 0.5);
  EXPECT_NEAR(agreed.error_squared, 0, 1e-12);
  // They contradict each other.
  const StepEstimate torn =
      Estimate(Config(1, true), Table({{5, 3}, {1, 6}}), 0.1, 0.5);
  EXPECT_GT(torn.error_squared, torn.grad_squared);
}

TEST(EstimatorTest, InfiniteLossesShow) {
  const double inf = std::numeric_limits<double>::infinity();
  const StepEstimate e =
      Estimate(Config(1, true), Table({{inf, 1}, {1, 1}}), 0.1, 0.5);
  EXPECT_FALSE(std::isfinite(e.coefficients[0]));
}

}  // namespace
}  // namespace perdure
