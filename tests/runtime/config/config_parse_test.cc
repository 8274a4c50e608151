#include <algorithm>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  const auto config = ParseConfig(text, "run.textproto");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

TEST(ParseConfigTest, WellFormedTextIsRead) {
  const auto config = ParseConfig(
      "# a comment\n"
      "model { family: \"gpt2\" layers: 6 }\n"
      "data { train { path: \"a.tokens\" weight: 0.5 } }\n"
      "optim { schedule: WSD lr: 1e-3 }\n",
      "run.textproto");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->model().layers(), 6);
  EXPECT_EQ(config->data().train(0).path(), "a.tokens");
  EXPECT_EQ(config->optim().schedule(), OptimConfig::WSD);
  EXPECT_FALSE(config->has_train());
}

TEST(ParseConfigTest, EmptyTextIsAnEmptyConfig) {
  const auto config = ParseConfig("", "run.textproto");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->ByteSizeLong(), 0u);
}

TEST(ParseConfigTest, UnknownFieldsAreErrorsWithTheNearestNames) {
  EXPECT_EQ(ErrorOf("model {\n"
                    "  layer: 6\n"
                    "}\n"
                    "train {\n"
                    "  step: 10\n"
                    "  xylophone { a: [1, 2] }\n"
                    "}\n"),
            "run.textproto:2: no field 'layer' in ModelConfig, did you mean "
            "'layers'?\n"
            "run.textproto:5: no field 'step' in TrainConfig, did you mean "
            "'steps'?\n"
            "run.textproto:6: no field 'xylophone' in TrainConfig");
}

TEST(ParseConfigTest, FieldOfAnotherSectionIsNamedWithItsPath) {
  EXPECT_EQ(ErrorOf("train { lr: 1 }"),
            "run.textproto:1: no field 'lr' in TrainConfig, did you mean "
            "'optim.lr'?");
}

TEST(ParseConfigTest, EveryWrongValueIsListedWithItsLine) {
  const std::string error = ErrorOf(
      "train {\n"
      "  steps: \"many\"\n"
      "  seed: 1\n"
      "  seed: 2\n"
      "  stepz: 3\n"
      "  recompute: maybe\n"
      "  global_batch: 99999999999\n"
      "}\n"
      "optim {\n"
      "  schedule: COSIN\n"
      "}\n");
  EXPECT_THAT(error, HasSubstr("run.textproto:2: Expected integer"));
  EXPECT_THAT(error, HasSubstr("run.textproto:4: Non-repeated field \"seed\""));
  EXPECT_THAT(error, HasSubstr("run.textproto:5: no field 'stepz'"));
  EXPECT_THAT(error,
              HasSubstr("run.textproto:6: recompute: 'maybe' is not true or "
                        "false"));
  EXPECT_THAT(error, HasSubstr("run.textproto:7: Integer out of range"));
  EXPECT_THAT(error,
              HasSubstr("run.textproto:10: schedule: no value 'COSIN'; it is "
                        "one of CONSTANT, COSINE, LINEAR, WSD, did you mean "
                        "'COSINE'"));
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 5) << error;
}

TEST(ParseConfigTest, BrokenSyntaxIsOneErrorAtItsPlace) {
  EXPECT_THAT(ErrorOf("train {\n  steps: 3\n"), HasSubstr("run.textproto:3: "));
  const std::string error = ErrorOf("train {\n  steps:\n  log_every: 1\n}\n");
  EXPECT_THAT(error, HasSubstr("run.textproto:3: "));
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 0) << error;
}

TEST(LoadConfigTest, FileIsReadAndItsPathNamed) {
  const std::string path = ::testing::TempDir() + "/load_config.textproto";
  std::ofstream(path) << "train { steps: 7 }";
  const auto config = LoadConfig(path);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->train().steps(), 7);
  std::ofstream(path) << "train { steps: x }";
  EXPECT_THAT(LoadConfig(path).status().message(), HasSubstr(path + ":1: "));
}

TEST(LoadConfigTest, MissingFileIsNotFound) {
  const absl::Status status = LoadConfig("/nonexistent/a.textproto").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("/nonexistent/a.textproto"));
}

TEST(ConfigToTextTest, TextReadsBackAsTheSameConfig) {
  RunConfig config;
  config.mutable_train()->set_steps(5);
  config.mutable_optim()->set_lr(1.0 / 3);
  config.mutable_data()->add_train()->set_path("a \"b\"\n");
  const auto read = ParseConfig(ConfigToText(config), "text");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), config.SerializeAsString());
}

}  // namespace
}  // namespace perdure
