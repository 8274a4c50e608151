#include "launcher/train/trainer_flags.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/train/environment.h"
#include "launcher/train/failure.h"

namespace perdure {
namespace {

TEST(TrainerFlagsTest, EveryOverrideIsTakenInOrder) {
  std::vector<std::string> words = {"pretrain", "--set",      "a.b=1",
                                    "--resume", "-set=c=2",   "--set=d=3 4",
                                    "--config", "x.textproto"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(words.size());
  EXPECT_THAT(TakeOverrides(&argc, argv.data()),
              testing::ElementsAre("a.b=1", "c=2", "d=3 4"));
  EXPECT_EQ(argc, 4);
  EXPECT_STREQ(argv[1], "--resume");
  EXPECT_EQ(argv[4], nullptr);
}

TEST(FailureTest, FirstCausesSpeakBeforeTheirConsequences) {
  const absl::Status cause = absl::DataLossError("x");
  const absl::Status consequence = absl::UnavailableError("peer");
  EXPECT_EQ(SecondsBeforeReport(cause, 0), 0);
  EXPECT_GT(SecondsBeforeReport(cause, 1), 0);
  EXPECT_GT(SecondsBeforeReport(consequence, 0), SecondsBeforeReport(cause, 1));
}

TEST(FailureTest, MessageNamesRankAndHost) {
  EXPECT_EQ(FailureMessage(absl::DataLossError("bad block"), 3, 4, "n1"),
            "perdure: error on rank 3 of 4 on n1: bad block\n");
  EXPECT_EQ(FailureMessage(absl::DataLossError("bad block"), 0, 1, "n1"),
            "perdure: error: bad block\n");
  EXPECT_EQ(FailureMessage(absl::DeadlineExceededError("raise the time-out"), 1,
                           2, "n1"),
            "perdure: error on rank 1 of 2 on n1: raise the time-out "
            "(topology.timeout_seconds)\n");
}

TEST(EnvironmentTest, CommandIsQuotedForAShell) {
  EXPECT_EQ(QuoteCommand({"a", "b c", "it's", ""}), "a 'b c' 'it'\\''s' ''");
}

}  // namespace
}  // namespace perdure
