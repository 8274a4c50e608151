#include "runtime/state/step_log.h"

#include <limits>

#include "gtest/gtest.h"
#include "runtime/state/train_state.h"

namespace perdure {
namespace {

StepRecord Step(int64_t step) {
  StepRecord record;
  record.step = step;
  record.loss = 4.0 / static_cast<double>(step);
  record.tokens = 10;
  record.samples_end = 8 * step;
  return record;
}

TEST(StepLogTest, StepsAscendAndMayBeMissing) {
  StepLog log;
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(log.last(), 0);
  for (int64_t step : {3, 4, 5, 8, 9}) EXPECT_TRUE(log.Append(Step(step)));
  EXPECT_FALSE(log.Append(Step(9)));
  EXPECT_FALSE(log.Append(Step(2)));
  EXPECT_EQ(log.size(), 5u);
  EXPECT_EQ(log.last(), 9);
  EXPECT_EQ(log.Find(4)->loss, 1.0);
  EXPECT_EQ(log.Find(6), nullptr);
  EXPECT_EQ(log.Find(10), nullptr);
}

TEST(StepLogTest, FromEndsBeforeTheFirstMissingStep) {
  StepLog log;
  for (int64_t step : {3, 4, 5, 8, 9}) log.Append(Step(step));
  EXPECT_EQ(log.From(3).size(), 3u);
  EXPECT_EQ(log.From(4).size(), 2u);
  EXPECT_EQ(log.From(8).size(), 2u);
  EXPECT_TRUE(log.From(1).empty());
  EXPECT_TRUE(log.From(6).empty());
  EXPECT_TRUE(log.From(10).empty());
  EXPECT_TRUE(StepLog().From(1).empty());
}

TEST(AdvanceTest, GoodStepsMoveTheMeanAndForgetBadOnes) {
  RunState run;
  Advance(Step(1), &run);
  EXPECT_EQ(run.loss_mean, 4.0);  // the first is its own mean
  StepRecord bad = Step(2);
  bad.skipped = true;
  bad.loss = std::numeric_limits<double>::quiet_NaN();
  Advance(bad, &run);
  EXPECT_EQ(run.bad_steps, 1);
  EXPECT_EQ(run.loss_mean, 4.0);
  EXPECT_EQ(run.updates, 1);
  Advance(Step(3), &run);
  EXPECT_EQ(run.step, 3);
  EXPECT_EQ(run.updates, 2);
  EXPECT_EQ(run.bad_steps, 0);
  EXPECT_EQ(run.tokens, 30);
  EXPECT_EQ(run.samples, 24);
  EXPECT_EQ(run.loss_mean, 0.95 * 4.0 + 0.05 * (4.0 / 3));
}

TEST(AdvanceTest, TheSignalToNoiseRatioIsThatOfTheLastStep) {
  RunState run;
  EXPECT_EQ(SignalToNoise(run), 0);
  StepRecord step = Step(1);
  step.grad_squared = 4;
  step.error_squared = 1;
  Advance(step, &run);
  EXPECT_EQ(SignalToNoise(run), 2);
}

}  // namespace
}  // namespace perdure
