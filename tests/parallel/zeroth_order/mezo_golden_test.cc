// Twenty zeroth-order steps against PyTorch's (tests/peers/mezo_goldens.py):
// the same noise, a plain out-of-place MeZO, Hugging Face's model classes.

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "parallel/zeroth_order/zeroth_order_engine.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"
#include "tests/parallel/model/golden_model.h"

namespace perdure {
namespace {

constexpr int kSteps = 20, kDirections = 2;
constexpr double kEps = 1e-3;

// The golden batch, again and again.
class OneBatch : public Dataset {
 public:
  explicit OneBatch(Batch batch) : batch_(std::move(batch)) {}
  absl::Status Read(int64_t, int64_t count, Batch* batch) const override {
    CHECK_EQ(count, batch_.batch);
    *batch = batch_;
    return absl::OkStatus();
  }
  Window Locate(int64_t) const override { return {}; }
  int64_t windows() const override { return batch_.batch; }
  int64_t tokens() const override { return batch_.batch * batch_.tokens; }
  int64_t max_rows(int64_t) const override { return tokens(); }
  std::string Describe() const override { return "one batch"; }

 private:
  Batch batch_;
};

RunConfig ConfigFor(const ModelConfig& model) {
  RunConfig config;
  *config.mutable_model() = model;
  const absl::Status applied = ApplyOverrides(
      {"train.method=ZEROTH_ORDER", "train.steps=20", "train.global_batch=2",
       "train.sequence_length=20", "train.seed=1337", "optim.lr=2e-4",
       "optim.weight_decay=0.1", "zeroth_order.eps=1e-3",
       "zeroth_order.directions=2"},
      &config);
  CHECK(applied.ok()) << applied;
  return ResolveConfig(config);
}

void FillWeights(const GoldenModel& model, ModelRuntime* runtime) {
  for (const StateRequest& request : runtime->WeightRequests()) {
    const std::vector<float>& whole = model.weights.at(request.tensor).values;
    std::copy(whole.begin(), whole.end(), static_cast<float*>(request.base));
  }
}

// The engine of a golden model, and its batch.
struct Trained {
  explicit Trained(const GoldenModel& model)
      : data(GoldenBatch(model.golden, "input_ids", "targets", {0, 2})) {
    auto made = MakeProcessGroups(*world, Topology());
    CHECK(made.ok()) << made.status();
    groups = *std::move(made);
    auto created = ZerothOrderEngine::Create(
        ConfigFor(model.config), data.max_rows(2), &groups, device.get(),
        nullptr, &BestZerothOrderKernels());
    CHECK(created.ok()) << created.status();
    engine = *std::move(created);
    FillWeights(model, &engine->runtime());
  }

  OneBatch data;
  std::unique_ptr<Communicator> world = MakeLoopbackCommunicator();
  ProcessGroups groups;
  std::unique_ptr<Device> device = MakeCpuDevice(1);
  std::unique_ptr<ZerothOrderEngine> engine;
};

class MezoGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(MezoGoldenTest, TwentyStepsFollowPyTorch) {
  const GoldenModel model(GetParam());
  const GoldenFile golden(absl::StrCat("mezo/", GetParam(), ".safetensors"));
  Trained trained(model);
  RunState run;
  for (int step = 0; step < kSteps; ++step) {
    int signal = 0;
    const auto record = trained.engine->Step(trained.data, &run, &signal);
    ASSERT_TRUE(record.ok()) << record.status();
    for (int k = 0; k < kDirections; ++k) {
      const size_t at = static_cast<size_t>(step * kDirections + k);
      const double plus = golden.at("loss_plus").values[at];
      const double minus = golden.at("loss_minus").values[at];
      const double g = golden.at("projected_grad").values[at];
      const size_t i = static_cast<size_t>(k);
      EXPECT_NEAR(record->loss_plus[i], plus, 1e-5 * plus) << step;
      EXPECT_NEAR(record->loss_minus[i], minus, 1e-5 * minus) << step;
      EXPECT_NEAR(record->projected_grad[i], g, 1e-5 * plus / kEps) << step;
      // The gradients are large against what rounding could make of them.
      EXPECT_GT(std::abs(g), 1e-3);
    }
  }
}

// Not a number in a weight reaches both losses: the step is left out, counted,
// and nothing moves.
TEST(BadZerothOrderStepTest, NanIsSkippedAndCounted) {
  const GoldenModel model("gpt2_tied");
  Trained trained(model);
  ParamStore& params = trained.engine->runtime().params();
  const ParamSlot& slot = trained.engine->runtime().layout().slots()[2];
  float* weight = static_cast<float*>(params.SlotData(slot));
  weight[0] = std::nanf("");
  const std::vector<float> before(weight + 1, weight + slot.size);

  RunState run;
  for (int step = 1; step <= 2; ++step) {
    int signal = 0;
    const auto record = trained.engine->Step(trained.data, &run, &signal);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_TRUE(record->skipped);
    EXPECT_EQ(run.bad_steps, step);
    EXPECT_EQ(run.step, step);
    EXPECT_EQ(run.updates, 0);
  }
  ASSERT_TRUE(trained.engine->Pieces().ok());  // nothing waits to be applied
  EXPECT_EQ(before, std::vector<float>(weight + 1, weight + slot.size));
}

INSTANTIATE_TEST_SUITE_P(Models, MezoGoldenTest,
                         testing::Values("gpt2_tied", "gpt2_untied", "opt_tied",
                                         "opt_untied", "llama_tied",
                                         "llama_untied"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace perdure
