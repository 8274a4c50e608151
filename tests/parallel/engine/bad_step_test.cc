#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parallel/engine/first_order_engine.h"
#include "parallel/engine/generator.h"
#include "runtime/comm/backends.h"
#include "tests/parallel/engine/tiny_run.h"

namespace perdure {
namespace {

// One step with the first element of the first weight spoiled.
absl::StatusOr<StepRecord> StepWithNan(const RunConfig& config, RunState* run) {
  const std::unique_ptr<Communicator> world = MakeLoopbackCommunicator();
  ASSIGN_OR_RETURN(const ProcessGroups groups,
                   MakeProcessGroups(*world, Topology()));
  const auto device = MakeCpuDevice(1);
  ASSIGN_OR_RETURN(
      const auto data,
      Dataset::Open(config.data(), Split::kTrain,
                    config.train().sequence_length(),
                    config.model().vocab_size(), config.train().seed()));
  ASSIGN_OR_RETURN(const auto engine,
                   FirstOrderEngine::Create(
                       config, data->max_rows(config.train().micro_batch()),
                       &groups, device.get(), nullptr));
  ParamStore& params = engine->runtime().params();
  const ParamSlot& slot = engine->runtime().layout().slots()[2];
  float* weight = static_cast<float*>(params.SlotData(slot));
  weight[0] = std::nanf("");
  const std::vector<float> before(weight + 1, weight + slot.size);
  int signal = 0;
  const absl::StatusOr<StepRecord> record = engine->Step(*data, run, &signal);
  EXPECT_EQ(before, std::vector<float>(weight + 1, weight + slot.size));
  return record;
}

TEST(BadStepTest, NanSkipsTheUpdateAndIsCounted) {
  RunState run;
  const auto record = StepWithNan(TinyConfig("gpt2", {}), &run);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_TRUE(record->skipped);
  EXPECT_EQ(run.step, 1);
  EXPECT_EQ(run.updates, 0);
  EXPECT_EQ(run.bad_steps, 1);
  EXPECT_EQ(run.samples, 8);
}

TEST(BadStepTest, NanStopsTheRunWhereTheConfigSaysSo) {
  RunState run;
  const auto record =
      StepWithNan(TinyConfig("gpt2", {"train.bad_step=STOP"}), &run);
  EXPECT_EQ(record.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(record.status().message()),
              testing::HasSubstr("step 1"));
}

TEST(BadStepTest, TooManyInARowEndTheRun) {
  RunState run;
  run.bad_steps = 9;
  const auto record = StepWithNan(TinyConfig("gpt2", {}), &run);
  EXPECT_EQ(ExitCode(record.status()), 6);
}

TEST(ChooseTokenTest, GreedyTakesTheFirstOfTheLargest) {
  EXPECT_EQ(ChooseToken({0, 3, 3, 1}, 0, 0, 0.9), 1);
}

TEST(ChooseTokenTest, SamplesByProbabilityAndTopK) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f),
                                     std::log(0.2f)};
  EXPECT_EQ(ChooseToken(logits, 1, 0, 0.49), 0);
  EXPECT_EQ(ChooseToken(logits, 1, 0, 0.51), 1);
  EXPECT_EQ(ChooseToken(logits, 1, 0, 0.81), 2);
  EXPECT_EQ(ChooseToken(logits, 1, 2, 0.99), 1);
  EXPECT_EQ(ChooseToken(logits, 0.01, 0, 0.99), 0);
}

}  // namespace
}  // namespace perdure
