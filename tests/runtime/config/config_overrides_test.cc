#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

RunConfig FromFile() {
  const auto config = ParseConfig(
      "train { steps: 100 seed: 3 }\n"
      "topology { pp: 2 tp: 2 }\n"
      "data { train { path: \"a\" weight: 1 } train { path: \"b\" weight: 2 } "
      "}\n",
      "file");
  EXPECT_TRUE(config.ok()) << config.status();
  return *config;
}

RunConfig Overridden(const std::vector<std::string>& assignments) {
  RunConfig config = FromFile();
  const absl::Status status = ApplyOverrides(assignments, &config);
  EXPECT_TRUE(status.ok()) << status;
  return config;
}

std::string ErrorOf(const std::vector<std::string>& assignments) {
  RunConfig config = FromFile();
  const absl::Status status = ApplyOverrides(assignments, &config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  // All or nothing.
  EXPECT_EQ(config.SerializeAsString(), FromFile().SerializeAsString());
  return std::string(status.message());
}

TEST(OverridesTest, EveryTypeOfValueIsRead) {
  const RunConfig config = Overridden(
      {"train.steps=10", "train.seed=18446744073709551615", "optim.lr=1e-3",
       "train.recompute=true", "train.dtype=bf16", "optim.schedule=WSD",
       "model.init_from=/models/a=b", "eval.every_steps=-1"});
  EXPECT_EQ(config.train().steps(), 10);
  EXPECT_EQ(config.train().seed(), 18446744073709551615u);
  EXPECT_EQ(config.optim().lr(), 1e-3);
  EXPECT_TRUE(config.train().recompute());
  EXPECT_EQ(config.train().dtype(), TrainConfig::BF16);
  EXPECT_EQ(config.optim().schedule(), OptimConfig::WSD);
  EXPECT_EQ(config.model().init_from(), "/models/a=b");
  EXPECT_EQ(config.eval().every_steps(), -1);
}

TEST(OverridesTest, LaterAssignmentsWin) {
  EXPECT_EQ(Overridden({"train.steps=1", "train.steps=2"}).train().steps(), 2);
}

TEST(OverridesTest, ListStartsAnewAtItsFirstAssignment) {
  const RunConfig config =
      Overridden({"data.train.path=c", "data.train.weight=5"});
  ASSERT_EQ(config.data().train_size(), 1);
  EXPECT_EQ(config.data().train(0).path(), "c");
  EXPECT_EQ(config.data().train(0).weight(), 5);
}

TEST(OverridesTest, IndexNamesAnElementOrTheNext) {
  RunConfig config = Overridden({"data.train[1].path=c"});
  ASSERT_EQ(config.data().train_size(), 2);
  EXPECT_EQ(config.data().train(0).path(), "a");
  EXPECT_EQ(config.data().train(1).path(), "c");
  EXPECT_EQ(config.data().train(1).weight(), 2);
  config = Overridden({"data.train.path=x", "data.train[1].path=y"});
  ASSERT_EQ(config.data().train_size(), 2);
  EXPECT_EQ(config.data().train(0).path(), "x");
  EXPECT_EQ(config.data().train(1).path(), "y");
  EXPECT_FALSE(config.data().train(1).has_weight());
}

TEST(OverridesTest, MessageIsReplacedByTextFormat) {
  RunConfig config = Overridden({"topology={dp: 2}"});
  EXPECT_EQ(config.topology().dp(), 2);
  EXPECT_FALSE(config.topology().has_pp());
  config = Overridden({"topology=tp: 4", "topology.pp=3"});
  EXPECT_EQ(config.topology().tp(), 4);
  EXPECT_EQ(config.topology().pp(), 3);
  config = Overridden({"data.train={path: \"x\"}", "data.train={path: \"y\"}"});
  ASSERT_EQ(config.data().train_size(), 2);
  EXPECT_EQ(config.data().train(1).path(), "y");
}

TEST(OverridesTest, UnknownPathsListTheNearestNames) {
  EXPECT_EQ(ErrorOf({"train.stepz=1"}),
            "--set train.stepz=1: no field 'stepz' in train, did you mean "
            "'steps'?");
  EXPECT_EQ(ErrorOf({"trian.steps=1"}),
            "--set trian.steps=1: no field 'trian', did you mean 'train'?");
  EXPECT_EQ(ErrorOf({"lr=1"}),
            "--set lr=1: no field 'lr', did you mean 'optim.lr'?");
  EXPECT_EQ(ErrorOf({"data.train.pth=1"}),
            "--set data.train.pth=1: no field 'pth' in data.train, did you "
            "mean 'path'?");
  EXPECT_EQ(ErrorOf({"zzzzzzzz=1"}), "--set zzzzzzzz=1: no field 'zzzzzzzz'");
}

TEST(OverridesTest, AllProblemsAreInOneError) {
  const std::string error = ErrorOf(
      {"train.steps=ten", "train.log_every=5", "train.seed=-1", "optim.lr=fast",
       "train.recompute=perhaps", "optim.schedule=cos", "train.steps",
       "train.steps.a=1", "train[0].steps=1", "data.train[x].path=1",
       "data.train[5].path=1", "topology={dpp: 2}", "topology={dp"});
  const std::vector<std::string> expected = {
      "--set train.steps=ten: 'ten' is not a whole number of 32 bits",
      "--set train.seed=-1: '-1' is not a whole number from 0",
      "--set optim.lr=fast: 'fast' is not a number",
      "--set train.recompute=perhaps: 'perhaps' is not true or false",
      "--set optim.schedule=cos: 'cos' is not one of CONSTANT, COSINE",
      "--set train.steps: has no '='",
      "--set train.steps.a=1: train.steps is a value; it has no fields",
      "--set train[0].steps=1: train is no list",
      "--set data.train[x].path=1: 'train[x]' is no index",
      "--set data.train[5].path=1: data.train has 2 elements; [2] would be",
      "--set topology={dpp: 2}: no field 'dpp' in TopologyConfig, did you mean",
      "--set topology={dp: "};
  for (const std::string& line : expected) EXPECT_THAT(error, HasSubstr(line));
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n') + 1,
            static_cast<int>(expected.size()))
      << error;
}

}  // namespace
}  // namespace perdure
