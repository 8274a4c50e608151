// Runs that train adapters of a model: from a base model to snapshots, exports,
// and on.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/snapshot/snapshot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/train/evaluate_run.h"
#include "launcher/train/train_run.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"
#include "runtime/data/token_file.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

constexpr const char* kFamilies[] = {"gpt2", "opt", "llama"};
constexpr const char* kEnd = "snapshots/step-000000010";

class AdapterRunTest : public testing::Test {
 protected:
  AdapterRunTest() {
    auto writer = TokenFileWriter::Create(Path("text.tokens"), 17);
    EXPECT_TRUE(writer.ok());
    for (int i = 0; i < 2000; ++i) {
      const int32_t id = (i * i + i / 3) % 17;
      EXPECT_TRUE((*writer)->Append(&id, 1).ok());
    }
    EXPECT_TRUE((*writer)->Finish().ok());
  }

  std::string Path(const std::string& name) const {
    return JoinPath(scratch_.path(), name);
  }
  std::string End(const std::string& run) const {
    return JoinPath(Path(run), kEnd);
  }

  // The model is `family`'s, or that of the run `family` names.
  RunConfig Config(const std::string& family,
                   const std::vector<std::string>& overrides) const {
    const bool exists = FileExists(Path(family));
    const std::string model =
        exists ? absl::StrCat("init_from: '", Path(family), "'")
               : absl::StrCat("family: '", family,
                              "' vocab_size: 17 context: 16 layers: 2 heads: 4 "
                              "hidden: 16 ffn_hidden: 24 init_std: 0.1");
    const std::string text = absl::StrCat(
        "model { ", model, " } data { train { path: '", Path("text.tokens"),
        "' } val_fraction: 0.1 } train { steps: 10 global_batch: 6 "
        "micro_batch: 2 sequence_length: 16 } optim { lr: 1e-2 } "
        "snapshot { every_steps: 5 }");
    absl::StatusOr<RunConfig> config = ParseConfig(text, "test");
    EXPECT_TRUE(config.ok()) << config.status();
    const absl::Status applied = ApplyOverrides(overrides, &*config);
    EXPECT_TRUE(applied.ok()) << applied;
    return *config;
  }

  absl::Status Train(const std::string& run, const std::string& model,
                     const std::vector<std::string>& overrides, int ranks = 1,
                     bool resume = false) const {
    TrainerFlags flags;
    flags.run_dir = Path(run);
    flags.resume = resume;
    flags.command = {"finetune"};
    const RunConfig config = Config(model, overrides);
    return RunThreadRanks(ranks, absl::Seconds(60), [&](Communicator& world) {
      TrainEnvironment environment;
      environment.session = {"test", "threads"};
      environment.quiet = true;
      environment.stop_signal = [] { return 0; };
      return TrainRun(world, flags, config, environment);
    })[0];
  }

  double LossOf(const std::string& model_directory) const {
    const auto world = MakeLoopbackCommunicator();
    RunConfig config = Config("gpt2", {});
    config.clear_model();
    config.mutable_model()->set_init_from(model_directory);
    const auto loss = EvaluateRun(*world, config);
    EXPECT_TRUE(loss.ok()) << loss.status();
    return loss.value_or(NAN);
  }

  std::string File(const std::string& path) const {
    const auto content = ReadFile(path);
    EXPECT_TRUE(content.ok()) << content.status();
    return content.value_or("");
  }

  const ScratchDirectory scratch_;
};

// The weights of those names, one after the other in the order of the model.
std::vector<float> WeightsOf(const std::string& snapshot,
                             const std::vector<std::string>& names) {
  const auto open = Snapshot::Open(snapshot);
  EXPECT_TRUE(open.ok()) << open.status();
  std::vector<float> all;
  for (const ParamSpec& spec : ModelParams((*open)->model())) {
    if (std::find(names.begin(), names.end(), spec.name) == names.end()) {
      continue;
    }
    const size_t at = all.size();
    all.resize(at + static_cast<size_t>(spec.size()));
    const absl::Status read = (*open)->Read({{spec.name,
                                              StateKind::kWeight,
                                              DType::kF32,
                                              spec.shape,
                                              {{0, 0, spec.size()}},
                                              all.data() + at}});
    EXPECT_TRUE(read.ok()) << read;
  }
  return all;
}

std::vector<std::string> NamesOf(const std::string& snapshot, StateKind kind) {
  const auto open = Snapshot::Open(snapshot);
  EXPECT_TRUE(open.ok()) << open.status();
  return (*open)->Names(kind);
}

TEST_F(AdapterRunTest, ABaseModelStaysAsItIsAndGetsAdapters) {
  for (const std::string family : kFamilies) {
    const std::string base = family + "-base", tuned = family + "-lora";
    ASSERT_TRUE(Train(base, family, {}).ok());
    const absl::Status trained =
        Train(tuned, base, {"model.lora.rank=3", "topology.tp=2"}, 2);
    ASSERT_TRUE(trained.ok()) << trained;
    const std::vector<std::string> names =
        NamesOf(End(base), StateKind::kWeight);
    EXPECT_EQ(WeightsOf(End(base), names), WeightsOf(End(tuned), names));
    EXPECT_LT(LossOf(End(tuned)), LossOf(End(base)));
    const std::vector<std::string> moments =
        NamesOf(End(tuned), StateKind::kMoment1);
    EXPECT_EQ(moments.size(), family == "gpt2" ? 4u : 8u);
    for (const std::string& name : moments) {
      EXPECT_TRUE(absl::StrContains(name, ".lora_")) << name;
    }
  }
}

TEST_F(AdapterRunTest, ResumedRunsEqualUninterruptedBitForBit) {
  ASSERT_TRUE(Train("base", "llama", {}).ok());
  struct Case {
    std::vector<std::string> settings, first, then;
    int first_ranks, then_ranks;
  };
  const Case cases[] = {
      {{"model.lora.rank=3", "train.dtype=BF16"},
       {"topology.dp=2"},
       {"topology.dp=2"},
       2,
       2},
      {{"model.lora.rank=3", "train.method=ZEROTH_ORDER", "optim.lr=1e-2"},
       {"topology.pp=2"},
       {"topology.pertp=2"},
       2,
       2},
      {{"model.prefix.tokens=3", "train.method=ZEROTH_ORDER", "optim.lr=1e-2"},
       {"topology.dp=3"},
       {"topology.pp=2"},
       3,
       2}};
  int number = 0;
  for (const Case& c : cases) {
    const auto with = [&](std::vector<std::string> more) {
      more.insert(more.begin(), c.settings.begin(), c.settings.end());
      return more;
    };
    const std::string whole = absl::StrCat("whole", ++number);
    const std::string parts = absl::StrCat("parts", number);
    const bool zeroth = c.settings[1] == "train.method=ZEROTH_ORDER";
    const absl::Status one =
        zeroth ? Train(whole, "base", with({}))
               : Train(whole, "base", with(c.first), c.first_ranks);
    ASSERT_TRUE(one.ok()) << one;
    std::vector<std::string> first = with(c.first);
    first.push_back("train.steps=5");
    // The rate falls towards the end of the whole run.
    first.push_back("optim.decay_steps=10");
    ASSERT_TRUE(Train(parts, "base", first, c.first_ranks).ok());
    const absl::Status resumed =
        Train(parts, "base", with(c.then), c.then_ranks, /*resume=*/true);
    ASSERT_TRUE(resumed.ok()) << resumed;
    EXPECT_EQ(File(End(whole) + "/model.safetensors"),
              File(End(parts) + "/model.safetensors"))
        << c.settings[0];
  }
}

TEST_F(AdapterRunTest, AdaptersGoOnFromASnapshotThatHasThem) {
  ASSERT_TRUE(Train("base", "opt", {}).ok());
  ASSERT_TRUE(Train("tuned", "base", {"model.lora.rank=3"}).ok());
  // Nothing said of adapters: those of the snapshot.
  ASSERT_TRUE(Train("more", "tuned", {}).ok());
  EXPECT_LT(LossOf(End("more")), LossOf(End("tuned")));
  const absl::Status other = Train("other", "tuned", {"model.lora.rank=5"});
  EXPECT_EQ(ExitCode(other), 2);
  EXPECT_THAT(std::string(other.message()),
              HasSubstr("model.lora: { rank: 5 alpha: 16 targets: \"q_proj\" "
                        "targets: \"v_proj\" }, but the weights"));
  const absl::Status both = Train("both", "tuned", {"model.prefix.tokens=5"});
  EXPECT_EQ(ExitCode(both), 2);
  EXPECT_THAT(std::string(both.message()), HasSubstr("leave one of them out"));
}

TEST_F(AdapterRunTest, MergedWeightsAreTheModelWithItsAdapters) {
  for (const std::string family : kFamilies) {
    const std::string base = family + "-base", tuned = family + "-lora";
    ASSERT_TRUE(Train(base, family, {}).ok());
    const absl::Status trained = Train(
        tuned, base,
        {"model.lora.rank=3", "model.lora.alpha=5", "model.lora.targets=*"});
    ASSERT_TRUE(trained.ok()) << trained;
    const std::string merged = Path(family + "-merged");
    const absl::Status exported =
        ExportHuggingFace(End(tuned), merged, {.merge_lora = true});
    ASSERT_TRUE(exported.ok()) << exported;
    EXPECT_NEAR(LossOf(merged), LossOf(End(tuned)), 1e-5) << family;
    EXPECT_GT(std::abs(LossOf(merged) - LossOf(End(base))), 1e-3) << family;
  }
}

TEST_F(AdapterRunTest, AnAdapterDirectoryIsWhatPeftReads) {
  ASSERT_TRUE(Train("base", "gpt2", {}).ok());
  ASSERT_TRUE(Train("tuned", "base", {"model.lora.rank=3"}).ok());
  ASSERT_TRUE(ExportHuggingFace(End("tuned"), Path("peft")).ok());
  const std::string config = File(Path("peft/adapter_config.json"));
  for (const char* part :
       {"\"peft_type\": \"LORA\"", "\"r\": 3", "\"lora_alpha\": 16",
        "\"c_attn\"", "\"fan_in_fan_out\": true"}) {
    EXPECT_THAT(config, HasSubstr(part));
  }
  EXPECT_THAT(config, HasSubstr("\"base_model_name_or_path\": \"" +
                                Path("base") + "\""));
  const std::string file = File(Path("peft/adapter_model.safetensors"));
  EXPECT_THAT(file, HasSubstr("\"base_model.model.transformer.h.1.attn.c_attn."
                              "lora_B.weight\":{\"dtype\":\"F32\",\"shape\":["
                              "48,3]"));
  EXPECT_FALSE(FileExists(Path("peft/model.safetensors")));
}

TEST_F(AdapterRunTest, WhatNoFileCanHoldIsNotExported) {
  ASSERT_TRUE(Train("base", "gpt2", {}).ok());
  ASSERT_TRUE(Train("prefix", "base", {"model.prefix.tokens=3"}).ok());
  const absl::Status prefix = ExportHuggingFace(End("prefix"), Path("a"));
  EXPECT_TRUE(absl::IsFailedPrecondition(prefix));
  EXPECT_THAT(std::string(prefix.message()), HasSubstr("positions"));
  ASSERT_TRUE(Train("norms", "base",
                    {"model.lora.rank=3", "model.trainable=*.lora_*",
                     "model.trainable=*.ln_1.*"})
                  .ok());
  const absl::Status norms = ExportHuggingFace(End("norms"), Path("b"));
  EXPECT_TRUE(absl::IsFailedPrecondition(norms));
  EXPECT_THAT(std::string(norms.message()), HasSubstr("--merge_lora"));
  EXPECT_TRUE(
      ExportHuggingFace(End("norms"), Path("c"), {.merge_lora = true}).ok());
  const absl::Status plain =
      ExportHuggingFace(End("base"), Path("d"), {.merge_lora = true});
  EXPECT_THAT(std::string(plain.message()), HasSubstr("no low-rank adapters"));
}

}  // namespace
}  // namespace perdure
