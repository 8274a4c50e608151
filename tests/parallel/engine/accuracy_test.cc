#include "parallel/engine/accuracy.h"

#include <cmath>

#include "gtest/gtest.h"

namespace perdure {
namespace {

const double kNan = std::nan("");

// Two examples with three candidates each.
Batch TwoExamples(const std::vector<int32_t>& gold) {
  Batch batch;
  batch.candidates = 3;
  batch.segment_count = 6;
  batch.gold = gold;
  return batch;
}

TEST(AccuracyTest, ScoresAreMeanLogProbabilities) {
  const std::vector<double> scores =
      CandidateScores({{2, 9, 0.5, 0}, {1, 3, 2, 0}});
  EXPECT_EQ(scores[0], -2);
  EXPECT_EQ(scores[1], -3);
  EXPECT_EQ(scores[2], -0.25);
  EXPECT_TRUE(std::isnan(scores[3]));
}

TEST(AccuracyTest, BestIsTheFirstOfTheHighest) {
  EXPECT_EQ(BestCandidate({-3, -1, -2, -1}), 1);
  EXPECT_EQ(BestCandidate({kNan, -5}), 1);
  EXPECT_EQ(BestCandidate({kNan, kNan}), -1);
}

TEST(AccuracyTest, LongWordsAreNotPunishedForTheirLength) {
  // The sums of losses would choose candidate 0 of both examples.
  const SequenceLosses losses = {{2, 3, 4, 1, 3, 2}, {1, 3, 1, 1, 1, 4}};
  const Accuracy accuracy = CountRight(TwoExamples({1, 0}), losses);
  EXPECT_EQ(accuracy.right, 1);
  EXPECT_EQ(accuracy.total, 2);
  EXPECT_EQ(accuracy.mean(), 0.5);
}

TEST(AccuracyTest, ExampleWithoutANumberIsWrong) {
  const SequenceLosses losses = {{kNan, kNan, kNan, 1, 2, 3},
                                 {1, 1, 1, 1, 1, 1}};
  EXPECT_EQ(CountRight(TwoExamples({0, 0}), losses).right, 1);
}

TEST(AccuracyTest, CandidateLossIsTheCrossEntropyOfTheScores) {
  // Scores log 0.1, log 0.2, log 0.1: probabilities 1/4, 1/2, 1/4.
  const double a = -std::log(0.1), b = -std::log(0.2);
  const SequenceLosses losses = {{a, 2 * b, a, 700, 0, 700},
                                 {1, 2, 1, 1, 1, 1}};
  const SequenceLosses result = CandidateLosses(TwoExamples({1, 0}), losses);
  ASSERT_EQ(result.loss.size(), 2u);
  EXPECT_NEAR(result.loss[0], std::log(2.0), 1e-14);
  EXPECT_NEAR(result.loss[1], 700, 1e-10);  // exp would overflow or vanish
  EXPECT_EQ(result.weight, std::vector<double>({1, 1}));
}

TEST(AccuracyTest, CandidateLossOfNoNumberIsNone) {
  const SequenceLosses losses = {{1, kNan, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}};
  const SequenceLosses result = CandidateLosses(TwoExamples({0, 0}), losses);
  EXPECT_TRUE(std::isnan(result.loss[0]));
  EXPECT_NEAR(result.loss[1], std::log(3.0), 1e-14);
}

TEST(AccuracyTest, GoldLossesAreThoseOfTheRightCandidates) {
  const SequenceLosses losses = {{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}};
  const SequenceLosses result = GoldLosses(TwoExamples({2, 1}), losses);
  EXPECT_EQ(result.loss, std::vector<double>({3, 5}));
  EXPECT_EQ(result.weight, std::vector<double>({9, 11}));
}

// Wilson's score interval, computed apart in Python.
TEST(AccuracyTest, IntervalIsWilsons) {
  const auto expect = [](Accuracy accuracy, double low, double high) {
    const Accuracy::Interval interval = accuracy.ConfidenceInterval();
    EXPECT_NEAR(interval.low, low, 5e-7);
    EXPECT_NEAR(interval.high, high, 5e-7);
  };
  expect({8, 10}, 0.4901625, 0.9433178);
  expect({0, 10}, 0, 0.2775328);
  expect({10, 10}, 0.7224672, 1);
  expect({50, 100}, 0.4038315, 0.5961685);
  expect({0, 0}, 0, 1);
}

}  // namespace
}  // namespace perdure
