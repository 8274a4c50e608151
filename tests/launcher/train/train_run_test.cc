// Whole training runs on ranks that are threads: run directories, snapshots,
// resuming on the same and on other topologies.

#include "launcher/train/train_run.h"

#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/snapshot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"
#include "runtime/data/token_file.h"
#include "runtime/data/tokenizer.h"
#include "tests/launcher/train/run_files.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class TrainRunTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 500; ++i)
      absl::StrAppend(&text, i * i, " and ", i, "\n");
    auto tokenizer = BuildCharTokenizer(text);
    ASSERT_TRUE(tokenizer.ok());
    ASSERT_TRUE((*tokenizer)->Save(dir_).ok());
    const auto ids = (*tokenizer)->Encode(text);
    auto writer = TokenFileWriter::Create(JoinPath(dir_, "text.tokens"),
                                          (*tokenizer)->vocab_size());
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(ids->data(), ids->size()).ok());
    ASSERT_TRUE((*writer)->Finish().ok());
  }

  RunConfig Config(const std::vector<std::string>& overrides) {
    const std::string text = absl::StrCat(
        "model { family: 'gpt2' vocab_size: 17 context: 16 layers: 3 heads: 4 "
        "hidden: 16 } data { train { path: '",
        dir_, "/text.tokens' } val_fraction: 0.1 } ",
        "train { steps: 10 global_batch: 6 micro_batch: 2 } "
        "optim { lr: 1e-2 decay_steps: 10 } snapshot { every_steps: 5 }");
    absl::StatusOr<RunConfig> config = ParseConfig(text, "test");
    EXPECT_TRUE(config.ok()) << config.status();
    EXPECT_TRUE(ApplyOverrides(overrides, &*config).ok());
    return *config;
  }

  struct Options {
    int ranks = 1;
    bool resume = false;
    bool force = false;
    int stop_at_poll = 0;  // SIGUSR1 at this poll of the flag, on the last rank
  };

  // The status of rank 0 of a run into <dir_>/<name>.
  absl::Status Train(const std::string& name,
                     const std::vector<std::string>& overrides,
                     const Options& options) {
    TrainerFlags flags;
    flags.run_dir = RunDir(name);
    flags.resume = options.resume;
    flags.force = options.force;
    flags.command = {"pretrain", "--run_dir", flags.run_dir};
    const RunConfig config = Config(overrides);
    return RunThreadRanks(
        options.ranks, absl::Seconds(60), [&](Communicator& world) {
          TrainEnvironment environment;
          environment.session = {"test", "threads"};
          environment.quiet = true;
          int polls = 0;
          environment.stop_signal = [&] {
            const bool last = world.rank() == world.size() - 1;
            return last && ++polls == options.stop_at_poll ? 10 : 0;
          };
          return TrainRun(world, flags, config, environment);
        })[0];
  }

  std::string RunDir(const std::string& name) { return JoinPath(dir_, name); }

  std::string File(const std::string& run, const std::string& name) {
    return RunFile(RunDir(run), name);
  }
  std::vector<double> Losses(const std::string& run) {
    return RunLosses(RunDir(run));
  }

  const ScratchDirectory scratch_;
  const std::string dir_ = scratch_.path();
};

constexpr const char* kLast = "snapshots/step-000000010/";

TEST_F(TrainRunTest, ResumedEqualsUninterruptedBitForBit) {
  for (const std::vector<std::string>& mesh :
       {std::vector<std::string>{},
        std::vector<std::string>{"topology.dp=2", "topology.tp=2"},
        std::vector<std::string>{"topology.pp=2", "train.dtype=BF16"}}) {
    const int ranks = mesh.empty() ? 1 : mesh[0] == "topology.pp=2" ? 2 : 4;
    std::vector<std::string> half = mesh;
    half.push_back("train.steps=5");
    ASSERT_TRUE(Train("whole", mesh, {.ranks = ranks, .force = true}).ok());
    ASSERT_TRUE(Train("parts", half, {.ranks = ranks, .force = true}).ok());
    ASSERT_TRUE(Train("parts", mesh, {.ranks = ranks, .resume = true}).ok());
    EXPECT_EQ(Losses("whole"), Losses("parts"));
    EXPECT_EQ(Losses("whole").size(), 10u);
    // A sample is a function of its number: equal cursors, equal windows.
    for (const char* run : {"whole", "parts"}) {
      EXPECT_EQ((*Snapshot::Open(JoinPath(RunDir(run), kLast)))->run().samples,
                60);
    }
    for (const char* file : {"model.safetensors", "optimizer.h5"}) {
      EXPECT_EQ(File("whole", absl::StrCat(kLast, file)),
                File("parts", absl::StrCat(kLast, file)));
    }
  }
}

// Fifty steps, then fifty more on other ranks, are a hundred on one: no bit
// differs. Steps that wait for their block when the snapshot is taken are in
// it.
TEST_F(TrainRunTest, ZerothOrderResumesOnOtherTopologiesBitForBit) {
  const std::vector<std::string> settings = {
      "train.method=ZEROTH_ORDER", "train.steps=100", "optim.lr=1e-3",
      "zeroth_order.directions=2", "snapshot.every_steps=25"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), settings.begin(), settings.end());
    return more;
  };
  constexpr const char* kEnd = "snapshots/step-000000100/model.safetensors";
  for (const std::vector<std::string>& dtype :
       {std::vector<std::string>{},
        std::vector<std::string>{"train.dtype=BF16"},
        std::vector<std::string>{"train.dtype=BF16",
                                 "zeroth_order.rounding=MASTERS"}}) {
    std::vector<std::string> first = with(dtype), then = with(dtype);
    first.push_back("topology.pp=3");
    first.push_back("train.steps=50");
    then.push_back("topology.pertp=2");
    then.push_back("train.threads_per_rank=2");
    ASSERT_TRUE(Train("whole", with(dtype), {.force = true}).ok());
    ASSERT_TRUE(Train("parts", first, {.ranks = 3, .force = true}).ok());
    const absl::Status resumed =
        Train("parts", then, {.ranks = 4, .resume = true});
    ASSERT_TRUE(resumed.ok()) << resumed;
    EXPECT_EQ(Losses("whole"), Losses("parts"));
    EXPECT_EQ(Losses("whole").size(), 100u);
    EXPECT_EQ(File("whole", kEnd), File("parts", kEnd));
  }
}

// As after a kill: there is no snapshot of the steps, the journal has them.
TEST_F(TrainRunTest, StepsWithoutASnapshotAreReplayedBitForBit) {
  const std::vector<std::string> settings = {"train.method=ZEROTH_ORDER",
                                             "train.steps=30",
                                             "optim.lr=1e-3",
                                             "zeroth_order.directions=2",
                                             "zeroth_order.noise=GAUSSIAN",
                                             "snapshot.every_steps=8"};
  constexpr const char* kEnd = "snapshots/step-000000030/model.safetensors";
  for (const std::vector<std::string>& dtype :
       {std::vector<std::string>{},
        std::vector<std::string>{"train.dtype=BF16", "optim.weight_decay=0.1"},
        std::vector<std::string>{"train.dtype=BF16",
                                 "zeroth_order.rounding=MASTERS"}}) {
    std::vector<std::string> whole = settings;
    whole.insert(whole.end(), dtype.begin(), dtype.end());
    std::vector<std::string> first = whole, then = whole;
    for (const char* setting :
         {"topology.pp=3", "train.steps=13", "snapshot.at_end=false"}) {
      first.push_back(setting);
    }
    then.push_back("topology.pertp=2");
    ASSERT_TRUE(Train("whole", whole, {.force = true}).ok());
    for (bool snapshot : {true, false}) {  // at step 8, or none at all
      ASSERT_TRUE(Train("parts", first, {.ranks = 3, .force = true}).ok());
      if (!snapshot) {
        ASSERT_TRUE(RemoveTree(JoinPath(RunDir("parts"), "snapshots")).ok());
        // Lines that were lost come back from the journal.
        ASSERT_TRUE(
            WriteFileAtomically(JoinPath(RunDir("parts"), "metrics.jsonl"), "")
                .ok());
      }
      const absl::Status resumed =
          Train("parts", then, {.ranks = 4, .resume = true});
      ASSERT_TRUE(resumed.ok()) << resumed;
      EXPECT_EQ(Losses("whole"), Losses("parts"));
      EXPECT_EQ(Losses("whole").size(), 30u);
      EXPECT_EQ(File("whole", kEnd), File("parts", kEnd));
    }
  }
}

TEST_F(TrainRunTest, OtherInitialWeightsAreNotReplayedOn) {
  ASSERT_TRUE(Train("a", {"train.steps=2"}, {}).ok());
  ASSERT_TRUE(Train("b", {"train.steps=3"}, {}).ok());
  const std::vector<std::string> tune = {
      "train.method=ZEROTH_ORDER", "train.steps=4", "snapshot.at_end=false"};
  std::vector<std::string> from_a = tune, from_b = tune;
  from_a.push_back(absl::StrCat("model.init_from=", RunDir("a")));
  from_b.push_back(absl::StrCat("model.init_from=", RunDir("b")));
  ASSERT_TRUE(Train("tuned", from_a, {}).ok());
  const absl::Status refused = Train("tuned", from_b, {.resume = true});
  EXPECT_EQ(ExitCode(refused), 3);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("initial weights"));
  from_a[1] = "train.steps=6";
  ASSERT_TRUE(Train("tuned", from_a, {.resume = true}).ok());
  EXPECT_EQ(Losses("tuned").size(), 6u);
}

// A launch that was given up wrote a snapshot when the next one had begun.
TEST_F(TrainRunTest, SnapshotsOfAnAbandonedLaunchAreNotRead) {
  const auto steps = [&](int n) {
    return std::vector<std::string>{"train.method=ZEROTH_ORDER",
                                    "snapshot.every_steps=5",
                                    absl::StrCat("train.steps=", n)};
  };
  ASSERT_TRUE(Train("whole", steps(20), {}).ok());
  ASSERT_TRUE(Train("run", steps(12), {}).ok());
  std::filesystem::copy(RunDir("run"), RunDir("zombie"),
                        std::filesystem::copy_options::recursive);
  ASSERT_TRUE(Train("zombie", steps(15), {.resume = true}).ok());
  ASSERT_TRUE(Train("run", steps(13), {.resume = true}).ok());
  const std::string late = JoinPath(RunDir("run"), "snapshots/step-000000015");
  ASSERT_TRUE(RenameDurably(
                  JoinPath(RunDir("zombie"), "snapshots/step-000000015"), late)
                  .ok());
  auto manifest = ReadManifest(late);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  manifest->mutable_run()->set_generation(1);
  ASSERT_TRUE(WriteFileAtomically(JoinPath(late, kManifestName),
                                  EncodeManifest(*manifest))
                  .ok());
  ASSERT_TRUE(Train("run", steps(20), {.resume = true}).ok());
  EXPECT_EQ(Losses("whole"), Losses("run"));
  EXPECT_EQ((*Snapshot::Open(late))->run().generation, 3);
  EXPECT_TRUE(
      IsDirectory(JoinPath(RunDir("run"), "snapshots/bad-step-000000015")));
}

TEST_F(TrainRunTest, ZerothOrderMetricsShowBothLosses) {
  ASSERT_TRUE(Train("one", {"train.method=ZEROTH_ORDER"}, {}).ok());
  ASSERT_TRUE(Train("two",
                    {"train.method=ZEROTH_ORDER", "zeroth_order.directions=2"},
                    {})
                  .ok());
  const auto first_line = [&](const std::string& run) {
    const std::string text = File(run, "metrics.jsonl");
    return nlohmann::json::parse(text.substr(0, text.find('\n')));
  };
  for (const char* key : {"step", "loss_plus", "loss_minus", "projected_grad",
                          "loss", "lr", "tokens", "seconds"}) {
    EXPECT_TRUE(first_line("one")[key].is_number()) << key;
  }
  EXPECT_EQ(first_line("two")["loss_plus"].size(), 2u);
  const double plus = first_line("one")["loss_plus"];
  const double minus = first_line("one")["loss_minus"];
  EXPECT_DOUBLE_EQ(first_line("one")["projected_grad"], (plus - minus) / 2e-3);
}

TEST_F(TrainRunTest, ResumesOnEveryOtherTopology) {
  ASSERT_TRUE(Train("whole", {}, {}).ok());
  const std::vector<double> expected = Losses("whole");
  const std::vector<std::pair<int, std::vector<std::string>>> meshes = {
      {2, {"topology.dp=2"}},
      {4, {"topology.tp=4"}},
      {3, {"topology.pp=3"}},
      {4, {"topology.tp=2", "topology.pp=2", "optim.zero=0"}}};
  for (const auto& [ranks, mesh] : meshes) {
    std::vector<std::string> half = mesh;
    half.push_back("train.steps=5");
    ASSERT_TRUE(Train("a", half, {.ranks = ranks, .force = true}).ok());
    ASSERT_TRUE(Train("a", {}, {.ranks = 1, .resume = true}).ok());
    ASSERT_TRUE(
        Train("b", {"train.steps=5"}, {.ranks = 1, .force = true}).ok());
    ASSERT_TRUE(Train("b", mesh, {.ranks = ranks, .resume = true}).ok());
    for (const char* run : {"a", "b"}) {
      const std::vector<double> losses = Losses(run);
      ASSERT_EQ(losses.size(), expected.size());
      for (size_t i = 0; i < losses.size(); ++i) {
        EXPECT_NEAR(losses[i], expected[i], 1e-4 * expected[i]) << mesh[0];
      }
    }
  }
}

TEST_F(TrainRunTest, SignalOnOneRankSavesOnAllAndResumeGoesOn) {
  const absl::Status stopped =
      Train("run", {"topology.dp=3"}, {.ranks = 3, .stop_at_poll = 4});
  EXPECT_TRUE(absl::IsCancelled(stopped)) << stopped;
  EXPECT_EQ(ExitCode(stopped), 143);
  EXPECT_EQ(Losses("run").size(), 4u);
  const auto snapshots = ListSnapshots(RunDir("run"));
  ASSERT_TRUE(snapshots.ok());
  ASSERT_EQ(snapshots->size(), 1u);
  const auto snapshot = Snapshot::Open((*snapshots)[0]);
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ((*snapshot)->run().step, 4);
  ASSERT_TRUE(Train("run", {}, {.resume = true}).ok());
  EXPECT_EQ(Losses("run").size(), 10u);
  EXPECT_EQ((*Snapshot::Open(JoinPath(RunDir("run"), kLast)))->run().generation,
            2);
}

TEST_F(TrainRunTest, RunDirectoryHoldsWhatOneNeedsToRepeatTheRun) {
  ASSERT_TRUE(Train("run", {"train.steps=1"}, {}).ok());
  const auto names = ListDirectory(RunDir("run"));
  ASSERT_TRUE(names.ok());
  EXPECT_THAT(*names,
              testing::IsSupersetOf({"command.txt", "config.textproto",
                                     "environment.txt", "metrics.jsonl",
                                     "snapshots", "tensorboard", "tokenizer"}));
  EXPECT_TRUE(LoadConfig(JoinPath(RunDir("run"), "config.textproto")).ok());
  EXPECT_THAT(File("run", "command.txt"), HasSubstr("--run_dir"));
}

TEST_F(TrainRunTest, NonEmptyDirectoryNeedsResumeOrForce) {
  ASSERT_TRUE(Train("run", {"train.steps=1"}, {}).ok());
  const absl::Status refused = Train("run", {"train.steps=1"}, {});
  EXPECT_EQ(ExitCode(refused), 2);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--resume"));
  ASSERT_TRUE(Train("run", {"train.steps=1"}, {.force = true}).ok());
  EXPECT_TRUE(IsDirectory(RunDir("run.old-1")));
}

TEST_F(TrainRunTest, ResumeRefusesAnotherRunAndNamesTheFields) {
  ASSERT_TRUE(Train("run", {"train.steps=5"}, {}).ok());
  const absl::Status refused =
      Train("run", {"optim.lr=0.5", "train.seed=7", "eval.every_steps=5"},
            {.resume = true});
  EXPECT_EQ(ExitCode(refused), 2);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("optim.lr"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("train.seed"));
  EXPECT_THAT(std::string(refused.message()),
              testing::Not(HasSubstr("eval.every_steps:")));
}

TEST_F(TrainRunTest, ResumeWithoutASnapshotStartsAtZero) {
  ASSERT_TRUE(Train("run", {"train.steps=3"}, {.resume = true}).ok());
  EXPECT_EQ(Losses("run").size(), 3u);
}

TEST_F(TrainRunTest, StartsFromTheWeightsOfAnotherRun) {
  ASSERT_TRUE(Train("first", {}, {}).ok());
  RunConfig config;
  ASSERT_TRUE(Train("second",
                    {absl::StrCat("model.init_from=", RunDir("first")),
                     "train.steps=2", "topology.tp=2"},
                    {.ranks = 2})
                  .ok());
  EXPECT_LT(Losses("second")[0], Losses("first")[0] - 0.3);
  const absl::Status refused = Train(
      "third",
      {absl::StrCat("model.init_from=", RunDir("first")), "model.hidden=32"},
      {});
  EXPECT_EQ(ExitCode(refused), 2);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("hidden"));
}

TEST_F(TrainRunTest, ImpossibleTopologiesAndModelsAreConfigErrors) {
  const absl::Status heads = Train("a", {"topology.tp=5"}, {.ranks = 5});
  EXPECT_EQ(ExitCode(heads), 2);
  EXPECT_THAT(std::string(heads.message()), HasSubstr("topology.tp"));
  const absl::Status ranks = Train("b", {"topology.tp=2"}, {.ranks = 3});
  EXPECT_EQ(ExitCode(ranks), 2);
  const absl::Status vocabulary = Train("c", {"model.vocab_size=5"}, {});
  EXPECT_THAT(ExitCode(vocabulary), testing::AnyOf(2, 3));
  EXPECT_THAT(std::string(vocabulary.message()), HasSubstr("vocab"));
  const absl::Status data = Train("d", {"data.train.path=/no/such"}, {});
  EXPECT_EQ(ExitCode(data), 3);
  EXPECT_THAT(std::string(data.message()), HasSubstr("/no/such"));
}

TEST_F(TrainRunTest, TraceShowsEveryRank) {
  ASSERT_TRUE(Train("run", {"trace.steps=2", "topology.pp=2", "train.steps=4"},
                    {.ranks = 2})
                  .ok());
  const nlohmann::json trace = nlohmann::json::parse(File("run", "trace.json"));
  const nlohmann::json& events =
      trace.is_array() ? trace : trace["traceEvents"];
  std::set<int> ranks;
  std::set<std::string> names;
  for (const auto& event : events) {
    ranks.insert(event["pid"].get<int>());
    names.insert(event["name"].get<std::string>());
  }
  EXPECT_EQ(ranks, (std::set<int>{0, 1}));
  EXPECT_TRUE(names.contains("forward") && names.contains("backward"));
}

}  // namespace
}  // namespace perdure
