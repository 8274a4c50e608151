#include "launcher/supervisor/launch_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launcher/supervisor/mpirun_line.h"

namespace perdure {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RunDirTest, IsFoundInEitherForm) {
  EXPECT_EQ(*RunDirOf({"pretrain", "--run_dir", "runs/a"}), "runs/a");
  EXPECT_EQ(*RunDirOf({"pretrain", "--run_dir=runs/b", "--resume"}), "runs/b");
  EXPECT_EQ(*RunDirOf({"pretrain", "-run_dir", "runs/c"}), "runs/c");
}

TEST(RunDirTest, MissingOneIsAskedFor) {
  EXPECT_THAT(std::string(RunDirOf({"pretrain"}).status().message()),
              HasSubstr("--run_dir"));
}

TEST(RunDirTest, ForceIsRefused) {
  EXPECT_THAT(
      std::string(
          RunDirOf({"pretrain", "--run_dir=a", "--force"}).status().message()),
      HasSubstr("--force"));
}

TEST(TrainerCommandTest, FewerRanksGetTheirLayout) {
  LaunchOptions options;
  options.trainer = {"pretrain", "--run_dir=a"};
  Layout layout;
  layout.set_pp(2);
  layout.set_dp(1);
  layout.set_pertp(1);
  layout.set_tp(3);
  EXPECT_THAT(TrainerCommand(options, layout, true),
              ElementsAre("pretrain", "--run_dir=a", "--resume", "--set",
                          "topology.pp=2", "--set", "topology.dp=1", "--set",
                          "topology.pertp=1", "--set", "topology.tp=3"));
}

TEST(LaunchOptionsTest, WordsForWhenToMove) {
  EXPECT_EQ(*ParseMoveWhen("take_back", "always"), MoveWhen::kAlways);
  EXPECT_EQ(*ParseMoveWhen("take_back", "pays"), MoveWhen::kPays);
  EXPECT_EQ(*ParseMoveWhen("take_back", "never"), MoveWhen::kNever);
  EXPECT_THAT(std::string(ParseMoveWhen("take_back", "yes").status().message()),
              HasSubstr("--take_back 'yes'"));
}

TEST(TrainerCommandTest, RestartsResumeOnce) {
  LaunchOptions options;
  options.trainer = {"pretrain", "--run_dir=a"};
  EXPECT_EQ(TrainerCommand(options, std::nullopt, false), options.trainer);
  EXPECT_THAT(TrainerCommand(options, std::nullopt, true),
              ElementsAre("pretrain", "--run_dir=a", "--resume"));
  options.trainer.push_back("--resume");
  EXPECT_EQ(TrainerCommand(options, std::nullopt, true), options.trainer);
}

TEST(LaunchOptionsTest, LeastRanksAreAtMostAll) {
  LaunchOptions options;
  options.trainer = {"pretrain", "--run_dir=a"};
  options.ranks = 4;
  options.min_ranks = 5;
  EXPECT_THAT(std::string(CheckLaunchOptions(options).message()),
              HasSubstr("--min 5: give 1 to 4"));
  options.min_ranks = 4;
  EXPECT_TRUE(CheckLaunchOptions(options).ok());
}

TEST(LaunchOptionsTest, DeadlinesThatDoNotFollowEachOther) {
  LaunchOptions options;
  options.ranks = 2;
  options.trainer = {"pretrain"};
  EXPECT_TRUE(CheckLaunchOptions(options).ok());
  options.lease_seconds = 0.5;
  EXPECT_FALSE(CheckLaunchOptions(options).ok());
  options.lease_seconds = 10;
  options.beat_seconds = 0.6;
  EXPECT_FALSE(CheckLaunchOptions(options).ok());
}

TEST(MpirunLineTest, EveryParameterOnce) {
  MpirunOptions options;
  options.ranks = 4;
  options.cores = 2;
  options.hosts = {{"a", 2}, {"b", 2}};
  options.exported = {"X"};
  const std::vector<std::string> line = MpirunLine(options, {"trainer", "-v"});
  std::vector<std::string> seen;
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    if (line[i] != "--mca") continue;
    EXPECT_THAT(seen, Not(Contains(line[i + 1])));
    seen.push_back(line[i + 1]);
  }
  EXPECT_THAT(seen, Contains("oob_tcp_keepalive_time"));
  EXPECT_EQ(line[0], "mpirun");
  EXPECT_EQ(line.back(), "-v");
}

}  // namespace
}  // namespace perdure
