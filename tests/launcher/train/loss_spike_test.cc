// Runs over a stretch of poisoned data: they go back behind it and end as runs
// that never had it.

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/train/train_run.h"
#include "runtime/base/file.h"
#include "runtime/base/philox.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"
#include "runtime/data/sampler.h"
#include "runtime/data/token_file.h"
#include "tests/launcher/train/run_files.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

constexpr int kVocabulary = 17, kLength = 16, kBatch = 8;
// Of steps 13 and 14.
constexpr int64_t kFirst = 96, kLast = 111;

class LossSpikeTest : public testing::Test {
 protected:
  void SetUp() override {
    // A pattern that is soon learned, but for these samples.
    std::vector<int32_t> tokens(6001);
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = static_cast<int32_t>(i % 5);
    }
    WriteTokens("clean", tokens);
    SamplerOptions options;
    options.sequence_length = kLength;
    options.tokens = {static_cast<int64_t>(tokens.size())};
    options.seed = TrainConfig().seed();
    const std::unique_ptr<Sampler> sampler = MakePermutationSampler(options);
    for (int64_t sample = kFirst; sample <= kLast; ++sample) {
      const int64_t at = sampler->Locate(sample).offset;
      for (int64_t i = at; i < at + kLength; ++i) {
        const uint32_t bits =
            Philox4x32({static_cast<uint32_t>(i), 0, 0, 0}, {3, 5})[0];
        tokens[static_cast<size_t>(i)] = static_cast<int32_t>(5 + bits % 12);
      }
    }
    WriteTokens("poisoned", tokens);
  }

  void WriteTokens(const std::string& name,
                   const std::vector<int32_t>& tokens) {
    auto writer = TokenFileWriter::Create(
        JoinPath(dir_, absl::StrCat(name, ".tokens")), kVocabulary);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(tokens.data(), tokens.size()).ok());
    ASSERT_TRUE((*writer)->Finish().ok());
  }

  absl::Status Train(const std::string& name, int ranks,
                     const std::vector<std::string>& overrides,
                     bool resume = false) {
    absl::StatusOr<RunConfig> config = ParseConfig(
        absl::StrCat("model { family: 'gpt2' vocab_size: ", kVocabulary,
                     " context: ", kLength,
                     " layers: 2 heads: 2 hidden: 16 } data { train { path: '",
                     dir_,
                     "/poisoned.tokens' } } train { steps: 20 "
                     "global_batch: ",
                     kBatch,
                     " micro_batch: 2 } "
                     "optim { lr: 1e-2 decay_steps: 40 } "
                     "snapshot { every_steps: 5 keep_last: 0 }"),
        "test");
    EXPECT_TRUE(config.ok()) << config.status();
    EXPECT_TRUE(ApplyOverrides(overrides, &*config).ok());
    TrainerFlags flags;
    flags.run_dir = JoinPath(dir_, name);
    flags.resume = resume;
    return RunThreadRanks(ranks, absl::Seconds(60), [&](Communicator& world) {
      return TrainRun(world, flags, *config, {});
    })[0];
  }

  std::string File(const std::string& run, const std::string& name) {
    return RunFile(JoinPath(dir_, run), name);
  }
  std::vector<double> Losses(const std::string& run) {
    return RunLosses(JoinPath(dir_, run));
  }
  void ExpectSame(const std::string& run, const std::string& other) {
    EXPECT_EQ(Losses(run), Losses(other));
    EXPECT_EQ(Losses(run).size(), 20);
    constexpr const char* kEnd = "snapshots/step-000000020/model.safetensors";
    EXPECT_EQ(File(run, kEnd), File(other, kEnd));
    EXPECT_FALSE(File(run, kEnd).empty());
  }

  const ScratchDirectory scratch_;
  const std::string dir_ = scratch_.path();
  const std::vector<std::string> watch_ = {"resilience.spike_factor=1.5",
                                           "resilience.spike_window=4"};
  const std::string skip_ =
      absl::StrCat("resilience.skip={first: ", kFirst, " last: ", kLast, "}");
};

std::vector<std::string> operator+(std::vector<std::string> a,
                                   const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_F(LossSpikeTest, FirstOrderRunGoesBackToItsSnapshotAndAroundTheData) {
  const std::vector<std::string> mesh = {"topology.dp=2"};
  ASSERT_TRUE(Train("watched", 2, mesh + watch_).ok());
  EXPECT_THAT(File("watched", "metrics.jsonl"),
              testing::HasSubstr("{\"step\":10,\"left_out\":[96,111]}"));
  ASSERT_TRUE(Train("never", 2, mesh + std::vector<std::string>{skip_}).ok());
  ExpectSame("watched", "never");
}

// A model that knows the pattern, trained on by zeroth-order steps.
TEST_F(LossSpikeTest, ZerothOrderRunDoesTheSameOnAnyTopologyAndWhenResumed) {
  ASSERT_TRUE(Train("base", 1,
                    {absl::StrCat("data.train.path=", dir_, "/clean.tokens"),
                     "train.steps=40"})
                  .ok());
  const std::vector<std::string> zeroth = {
      absl::StrCat("model.init_from=", dir_, "/base/snapshots/step-000000040"),
      "train.method=ZEROTH_ORDER", "optim.lr=1e-4", "optim.decay_steps=20"};
  ASSERT_TRUE(Train("watched", 2,
                    zeroth + watch_ + std::vector<std::string>{"topology.dp=2"})
                  .ok());
  EXPECT_THAT(File("watched", "metrics.jsonl"),
              testing::HasSubstr("{\"step\":12,\"left_out\":[96,111]}"));
  ASSERT_TRUE(Train("never", 2,
                    zeroth + std::vector<std::string>{skip_, "topology.pp=2"})
                  .ok());
  ExpectSame("watched", "never");

  // Before the poison, between its two batches, and behind the rollback.
  for (const char* steps : {"11", "13", "16"}) {
    const std::string run = absl::StrCat("stopped", steps);
    ASSERT_TRUE(
        Train(run, 1,
              zeroth + watch_ +
                  std::vector<std::string>{absl::StrCat("train.steps=", steps)})
            .ok());
    ASSERT_TRUE(
        Train(run, 2,
              zeroth + watch_ + std::vector<std::string>{"topology.pertp=2"},
              /*resume=*/true)
            .ok());
    ExpectSame(run, "never");
  }
}

TEST_F(LossSpikeTest, StepsBeforeTheSpikeGoTooWhereTheConfigSaysSo) {
  const std::vector<std::string> back = {"resilience.spike_back_steps=2"};
  ASSERT_TRUE(Train("watched", 1, watch_ + back).ok());
  EXPECT_THAT(File("watched", "metrics.jsonl"),
              testing::HasSubstr("{\"step\":10,\"left_out\":[80,111]}"));
  ASSERT_TRUE(
      Train("never", 1, {"resilience.skip={first: 80 last: 111}"}).ok());
  ExpectSame("watched", "never");
}

TEST_F(LossSpikeTest, WithoutRollbacksLeftTheRunEndsAndSaysWhere) {
  const absl::Status status =
      Train("watched", 1,
            watch_ + std::vector<std::string>{"resilience.max_rollbacks=0"});
  EXPECT_EQ(ExitCode(status), 6);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr("step 14: the loss"),
                             testing::HasSubstr("samples 96 to 111")));
}

}  // namespace
}  // namespace perdure
