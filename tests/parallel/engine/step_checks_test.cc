// Engines whose ranks compute or remember wrongly, on order: the rank is named.

#include "parallel/engine/step_checks.h"

#include <mutex>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parallel/engine/first_order_engine.h"
#include "parallel/zeroth_order/zeroth_order_engine.h"
#include "runtime/comm/backends.h"
#include "tests/parallel/engine/tiny_run.h"

namespace perdure {
namespace {

struct Outcome {
  std::vector<absl::Status> statuses;  // by rank
  std::vector<double> losses;          // of rank 0
};

absl::StatusOr<std::unique_ptr<TrainEngine>> MakeEngine(
    const RunConfig& config, int64_t max_rows, const ProcessGroups* groups,
    Device* device) {
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    return ZerothOrderEngine::Create(config, max_rows, groups, device, nullptr,
                                     &BestZerothOrderKernels());
  }
  return FirstOrderEngine::Create(config, max_rows, groups, device, nullptr);
}

// `steps` steps; `strike` comes before each on every rank.
Outcome Train(
    const std::vector<std::string>& overrides, int ranks, int steps,
    const std::function<void(int step, int rank, TrainEngine*)>& strike) {
  const RunConfig config = TinyConfig("gpt2", overrides);
  Outcome outcome;
  std::mutex mutex;
  const auto body = [&](Communicator& world) -> absl::Status {
    ASSIGN_OR_RETURN(const Topology topology,
                     Topology::Create(config.topology(), world.size()));
    ASSIGN_OR_RETURN(const ProcessGroups groups,
                     MakeProcessGroups(world, topology));
    const auto device = MakeCpuDevice(1);
    const TrainConfig& train = config.train();
    ASSIGN_OR_RETURN(
        const auto data,
        Dataset::Open(config.data(), Split::kTrain, train.sequence_length(),
                      config.model().vocab_size(), train.seed()));
    ASSIGN_OR_RETURN(const auto engine,
                     MakeEngine(config, data->max_rows(train.micro_batch()),
                                &groups, device.get()));
    StepChecks checks(config.resilience(), &groups,
                      absl::StrCat("host", world.rank()), 0);
    engine->SetChecks(&checks);
    RunState run;
    for (int step = 1; step <= steps; ++step) {
      strike(step, world.rank(), engine.get());
      int signal = 0;
      ASSIGN_OR_RETURN(const StepRecord record,
                       engine->Step(*data, &run, &signal));
      RETURN_IF_ERROR(checks.CompareRecords(record));
      const std::lock_guard<std::mutex> lock(mutex);
      if (world.rank() == 0) outcome.losses.push_back(record.loss);
    }
    return absl::OkStatus();
  };
  outcome.statuses = RunThreadRanks(ranks, absl::Seconds(60), body);
  return outcome;
}

void NoFault(int, int, TrainEngine*) {}

constexpr char kZeroth[] = "train.method=ZEROTH_ORDER";
constexpr char kFirst[] = "train.method=FIRST_ORDER";

class StepChecksTest : public testing::TestWithParam<const char*> {};

TEST_P(StepChecksTest, ChecksChangeNothingInARunWithoutFaults) {
  const Outcome plain = Train({GetParam()}, 2, 4, NoFault);
  const Outcome checked = Train({GetParam(), "resilience.check_every_steps=1",
                                 "resilience.repeat_every_steps=2"},
                                2, 4, NoFault);
  for (const absl::Status& status : checked.statuses) {
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(checked.losses, plain.losses);
}

TEST_P(StepChecksTest, AFlippedBitOfAWeightIsFoundAtTheNextCheck) {
  const Outcome outcome =
      Train({GetParam(), "resilience.check_every_steps=2"}, 3, 6,
            [](int step, int rank, TrainEngine* engine) {
              if (step == 4 && rank == 2) {
                SpoilWeight(&engine->runtime(), WeightSpoil::kFlip);
              }
            });
  EXPECT_EQ(outcome.losses.size(), 3);
  for (const absl::Status& status : outcome.statuses) {
    EXPECT_EQ(BlameOf(status), (Blame{{2}, true, 1})) << status;
    EXPECT_THAT(std::string(status.message()),
                testing::HasSubstr("rank 2 on host2"));
  }
}

TEST_P(StepChecksTest, AWrongComputationIsFoundByRepeatingIt) {
  const Outcome outcome =
      Train({GetParam(), "resilience.repeat_every_steps=2"}, 3, 4,
            [](int step, int rank, TrainEngine* engine) {
              if (step == 4 && rank == 1) {
                engine->SpoilNextComputation(WeightSpoil::kFlip);
              }
            });
  for (const absl::Status& status : outcome.statuses) {
    EXPECT_EQ(BlameOf(status), (Blame{{1}, true, 3})) << status;
  }
}

TEST_P(StepChecksTest, ANanThatDoesNotComeAgainIsTheMachines) {
  const auto strike = [](int step, int rank, TrainEngine* engine) {
    if (step == 2 && rank == 1) engine->SpoilNextComputation(WeightSpoil::kNan);
  };
  const Outcome blamed =
      Train({GetParam(), "resilience.repeat_bad_steps=true"}, 2, 3, strike);
  EXPECT_EQ(BlameOf(blamed.statuses[0]), (Blame{{1}, true, 1}))
      << blamed.statuses[0];
  // Unasked, the step is left out.
  const Outcome skipped = Train({GetParam()}, 2, 3, strike);
  EXPECT_TRUE(skipped.statuses[0].ok());
  EXPECT_EQ(skipped.losses.size(), 3);
}

TEST_P(StepChecksTest, ANanThatComesAgainIsTheDatas) {
  const Outcome outcome =
      Train({GetParam(), "resilience.repeat_bad_steps=true"}, 2, 3,
            [](int step, int, TrainEngine* engine) {
              if (step == 2) SpoilWeight(&engine->runtime(), WeightSpoil::kNan);
            });
  EXPECT_TRUE(outcome.statuses[0].ok()) << outcome.statuses[0];
  EXPECT_EQ(outcome.losses.size(), 3);
}

// What stage 0 computes goes into the losses of stage 1.
TEST_P(StepChecksTest, InAPipelineAllOfItsRanksAreNamed) {
  const Outcome outcome =
      Train({GetParam(), "resilience.repeat_every_steps=2", "topology.pp=2"}, 4,
            2, [](int step, int rank, TrainEngine* engine) {
              if (step == 2 && rank == 1) {
                engine->SpoilNextComputation(WeightSpoil::kFlip);
              }
            });
  // pp 2 x dp 2: ranks 1 and 3 are one replica.
  EXPECT_EQ(BlameOf(outcome.statuses[0]), (Blame{{1, 3}, false, 1}))
      << outcome.statuses[0];
}

std::string NameOf(const testing::TestParamInfo<const char*>& info) {
  return info.param == std::string(kZeroth) ? "ZerothOrder" : "FirstOrder";
}

INSTANTIATE_TEST_SUITE_P(Engines, StepChecksTest,
                         testing::Values(kFirst, kZeroth), NameOf);

TEST(CompareRecordsTest, WhoKnowsOtherNumbersIsNamed) {
  ResilienceConfig config;
  config.set_check_every_steps(10);
  const auto statuses =
      RunThreadRanks(3, absl::Seconds(60), [&](Communicator& world) {
        const ProcessGroups groups =
            *MakeProcessGroups(world, *Topology::Create({}, 3));
        StepChecks checks(config, &groups, "host", 5);
        StepRecord record;
        record.step = 7;
        record.coefficients = {world.rank() == 1 ? 0.25f : 0.5f};
        return checks.CompareRecords(record);
      });
  EXPECT_EQ(BlameOf(statuses[0]), (Blame{{1}, true, 5})) << statuses[0];
}

}  // namespace
}  // namespace perdure
