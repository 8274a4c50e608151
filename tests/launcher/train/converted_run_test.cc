// Runs that go on from what other programs have saved.

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "checkpoint/convert/convert.h"
#include "checkpoint/snapshot/snapshot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/train/train_run.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"
#include "runtime/data/token_file.h"
#include "runtime/nn/param_spec.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/torch_writer.h"

namespace perdure {
namespace {

class ConvertedRunTest : public testing::Test {
 protected:
  void SetUp() override {
    auto writer = TokenFileWriter::Create(At("text.tokens"), 17);
    ASSERT_TRUE(writer.ok()) << writer.status();
    std::vector<int32_t> ids;
    for (int i = 0; i < 3000; ++i) ids.push_back((i * i / 3 + i / 7) % 17);
    ASSERT_TRUE((*writer)->Append(ids.data(), ids.size()).ok());
    ASSERT_TRUE((*writer)->Finish().ok());
  }

  std::string At(const std::string& name) const {
    return JoinPath(scratch_.path(), name);
  }

  RunConfig Config(const std::vector<std::string>& overrides) const {
    const std::string text = absl::StrCat(
        "model { family: 'gpt2' vocab_size: 17 context: 16 layers: 2 heads: 4 "
        "hidden: 16 } data { train { path: '",
        At("text.tokens"),
        "' } } train { steps: 10 global_batch: 6 } optim { lr: 1e-2 "
        "warmup_steps: 3 } snapshot { every_steps: 5 }");
    absl::StatusOr<RunConfig> config = ParseConfig(text, "test");
    EXPECT_TRUE(config.ok()) << config.status();
    EXPECT_TRUE(ApplyOverrides(overrides, &*config).ok());
    return *config;
  }

  absl::Status Train(const std::string& name, const RunConfig& config,
                     int ranks, bool resume) const {
    TrainerFlags flags;
    flags.run_dir = At(name);
    flags.resume = resume;
    flags.command = {"pretrain"};
    return RunThreadRanks(ranks, absl::Seconds(60), [&](Communicator& world) {
      TrainEnvironment environment;
      environment.session = {"test", "threads"};
      environment.quiet = true;
      environment.stop_signal = [] { return 0; };
      return TrainRun(world, flags, config, environment);
    })[0];
  }

  // By step, as written.
  std::map<int, double> Losses(const std::string& run) const {
    std::map<int, double> losses;
    const auto text = ReadFile(JoinPath(At(run), "metrics.jsonl"));
    EXPECT_TRUE(text.ok()) << text.status();
    for (absl::string_view line :
         absl::StrSplit(text.value_or(""), '\n', absl::SkipEmpty())) {
      const nlohmann::json object = nlohmann::json::parse(line);
      if (object.contains("loss")) losses[object["step"]] = object["loss"];
    }
    return losses;
  }

  // A snapshot's state as DeepSpeed's ds_to_universal.py leaves it.
  void WriteUniversal(const std::string& snapshot, int step) const {
    const auto from = Snapshot::Open(snapshot);
    ASSERT_TRUE(from.ok()) << from.status();
    const std::vector<std::string> masters = (*from)->Names(StateKind::kMaster);
    for (const ParamSpec& spec : ModelParams((*from)->model())) {
      if (!spec.alias_of.empty()) continue;
      const bool master =
          std::binary_search(masters.begin(), masters.end(), spec.name);
      const std::pair<const char*, StateKind> files[] = {
          {"fp32.pt", master ? StateKind::kMaster : StateKind::kWeight},
          {"exp_avg.pt", StateKind::kMoment1},
          {"exp_avg_sq.pt", StateKind::kMoment2}};
      const std::string dir = At(absl::StrCat("universal/zero/", spec.name));
      ASSERT_TRUE(CreateDirectories(dir).ok());
      for (const auto& [file, kind] : files) {
        const int64_t n = ElementsOf(spec.shape);
        std::vector<float> values(static_cast<size_t>(n));
        const absl::Status read = (*from)->Read({{spec.name,
                                                  kind,
                                                  DType::kF32,
                                                  spec.shape,
                                                  {{0, 0, n}},
                                                  values.data()}});
        ASSERT_TRUE(read.ok()) << read;
        ASSERT_TRUE(
            WriteTorchParam(JoinPath(dir, file), spec.shape, values).ok());
      }
      ASSERT_TRUE(WriteTorchInt(JoinPath(dir, "step.pt"), step).ok());
    }
  }

  ConvertOptions FromUniversal(const RunConfig& config) const {
    EXPECT_TRUE(
        WriteFileAtomically(At("run.textproto"), ConfigToText(config)).ok());
    ConvertOptions options;
    options.source = At("universal");
    options.target = At("converted");
    options.model = At("whole/snapshots/step-000000005");
    options.config = At("run.textproto");
    return options;
  }

  const ScratchDirectory scratch_;
};

// The moments, the step, the place in the data and in the schedule: the steps
// are those that our own run does, to the last bit.
TEST_F(ConvertedRunTest, DeepSpeedsStateGoesOnAsOurOwnDoes) {
  for (const char* dtype : {"FP32", "BF16"}) {
    SCOPED_TRACE(dtype);
    const RunConfig config = Config({absl::StrCat("train.dtype=", dtype)});
    for (const char* old : {"whole", "converted", "universal"}) {
      ASSERT_TRUE(RemoveTree(At(old)).ok());
    }
    ASSERT_TRUE(Train("whole", config, 1, false).ok());
    WriteUniversal(At("whole/snapshots/step-000000005"), 5);
    const auto report = Convert(FromUniversal(config), {});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->target, At("converted/snapshots/step-000000005"));
    const auto start = Snapshot::Open(report->target);
    ASSERT_TRUE(start.ok()) << start.status();
    EXPECT_EQ((*start)->run().samples, 30);
    EXPECT_EQ((*start)->run().tokens, 30 * 16);

    const absl::Status resumed = Train("converted", config, 1, true);
    ASSERT_TRUE(resumed.ok()) << resumed;
    std::map<int, double> expected = Losses("whole");
    expected.erase(expected.begin(), expected.find(6));
    EXPECT_EQ(expected.size(), 5u);
    EXPECT_EQ(Losses("converted"), expected);
    for (const char* file : {"model.safetensors", "optimizer.h5"}) {
      const std::string name = absl::StrCat("/snapshots/step-000000010/", file);
      EXPECT_TRUE(*ReadFile(At("whole" + name)) ==
                  *ReadFile(At("converted" + name)))
          << file;
    }
  }
}

TEST_F(ConvertedRunTest, ItResumesOnOtherRanksAndAgain) {
  const RunConfig config = Config({});
  ASSERT_TRUE(Train("whole", config, 1, false).ok());
  WriteUniversal(At("whole/snapshots/step-000000005"), 5);
  ASSERT_TRUE(Convert(FromUniversal(config), {}).ok());
  RunConfig some = Config({"topology.tp=2", "train.steps=7"});
  some.mutable_optim()->set_decay_steps(10);
  RunConfig rest = Config({"topology.dp=2"});
  rest.mutable_optim()->set_decay_steps(10);
  absl::Status status = Train("converted", some, 2, true);
  ASSERT_TRUE(status.ok()) << status;
  status = Train("converted", rest, 2, true);
  ASSERT_TRUE(status.ok()) << status;
  const std::map<int, double> losses = Losses("converted");
  const std::map<int, double> expected = Losses("whole");
  ASSERT_EQ(losses.size(), 5u);
  for (const auto& [step, loss] : losses) {
    EXPECT_NEAR(loss, expected.at(step), 1e-4) << step;
  }
}

// With moments, step and data cursor, where --resume allows no other config.
TEST_F(ConvertedRunTest, ASnapshotBecomesARunWithAnotherConfig) {
  ASSERT_TRUE(Train("whole", Config({}), 1, false).ok());
  const RunConfig other = Config({"optim.lr=5e-3"});
  ConvertOptions options = FromUniversal(other);
  options.source = At("whole/snapshots/step-000000005");
  options.model.clear();
  const auto report = Convert(options, {});
  ASSERT_TRUE(report.ok()) << report.status();
  const absl::Status resumed = Train("converted", other, 1, true);
  ASSERT_TRUE(resumed.ok()) << resumed;
  const std::map<int, double> losses = Losses("converted");
  ASSERT_EQ(losses.size(), 5u);
  // The first step's loss is of the same weights and samples.
  EXPECT_EQ(losses.at(6), Losses("whole").at(6));
  EXPECT_NE(losses.at(10), Losses("whole").at(10));
}

TEST_F(ConvertedRunTest, WhatCannotGoOnIsRefused) {
  const RunConfig config = Config({});
  ASSERT_TRUE(Train("whole", config, 1, false).ok());
  WriteUniversal(At("whole/snapshots/step-000000005"), 5);
  const auto expect = [&](ConvertOptions options, const std::string& what) {
    const auto report = Convert(options, {});
    EXPECT_THAT(std::string(report.status().message()),
                testing::HasSubstr(what));
  };
  ConvertOptions options = FromUniversal(config);
  options.dtype = "bf16";
  expect(options, "the config says it");
  options.dtype.clear();
  options.to = "hf";
  expect(options, "--config makes a run");
  options.to.clear();
  options.target = At("whole");
  expect(options, "is a run already");
  options = FromUniversal(Config({"model.layers=3"}));
  expect(options, "model.layers");
  // Weights alone are where a new run starts.
  options = FromUniversal(config);
  options.source = At("weights");
  ConvertOptions weights;
  weights.source = At("universal");
  weights.target = At("weights");
  weights.to = "hf";
  weights.model = options.model;
  ASSERT_TRUE(Convert(weights, {}).ok());
  expect(options, "does not say how many steps");
  EXPECT_FALSE(FileExists(At("converted")));
}

}  // namespace
}  // namespace perdure
