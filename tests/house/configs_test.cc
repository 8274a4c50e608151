// Every file in configs/ is a run that would start: it parses, it is valid, and
// its batch and model are those that its name promises.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

std::string ConfigPath(const std::string& name) {
  return std::string(PERDURE_SOURCE_DIR) + "/configs/" + name + ".textproto";
}

std::vector<std::string> ConfigNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::string(PERDURE_SOURCE_DIR) + "/configs")) {
    if (entry.path().extension() == ".textproto") {
      names.push_back(entry.path().stem());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

RunConfig Load(const std::string& name) {
  const auto config = LoadConfig(ConfigPath(name));
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? ResolveConfig(*config) : RunConfig();
}

class ConfigsTest : public testing::TestWithParam<std::string> {};

TEST_P(ConfigsTest, WouldStart) {
  const auto config = LoadConfig(ConfigPath(GetParam()));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(ValidateConfig(*config, /*for_training=*/true),
              testing::IsEmpty());
  EXPECT_THAT(ValidateConfig(ResolveConfig(*config), /*for_training=*/true),
              testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, ConfigsTest, testing::ValuesIn(ConfigNames()),
                         [](const auto& info) { return info.param; });

TEST(ConfigListTest, NoneIsMissing) {
  EXPECT_THAT(ConfigNames(), testing::ElementsAre(
                                 "demo", "gpt2_124m", "gpt2_1558m", "gpt2_350m",
                                 "gpt2_774m", "laptop", "shakespeare_char"));
}

TEST(ConfigListTest, Gpt2ShapesHaveTheParametersOfTheirNames) {
  const auto parameters = [](const std::string& name) {
    const ModelConfig model = Load(name).model();
    const int64_t width = model.hidden();
    return model.layers() * (12 * width * width + 13 * width) +
           (model.vocab_size() + model.context() + 2) * width;
  };
  // Counts of Hugging Face's gpt2, gpt2-medium, gpt2-large, gpt2-xl.
  EXPECT_EQ(parameters("gpt2_124m"), 124439808);
  EXPECT_EQ(parameters("gpt2_350m"), 354823168);
  EXPECT_EQ(parameters("gpt2_774m"), 774030080);
  EXPECT_EQ(parameters("gpt2_1558m"), 1557611200);
}

TEST(ConfigListTest, BatchesAreThoseOfTheRecipes) {
  const auto tokens = [](const std::string& name) {
    const TrainConfig train = Load(name).train();
    return int64_t{train.global_batch()} * train.sequence_length();
  };
  EXPECT_EQ(tokens("gpt2_124m"), 524288);
  EXPECT_EQ(tokens("gpt2_1558m"), 1048576);
  EXPECT_EQ(tokens("shakespeare_char"), 12 * 64);
}

TEST(ConfigListTest, CharacterSettingIsThatOfNanoGpt) {
  const RunConfig config = Load("shakespeare_char");
  EXPECT_EQ(config.train().steps(), 2000);
  EXPECT_EQ(config.model().layers(), 4);
  EXPECT_EQ(config.model().hidden(), 128);
  EXPECT_EQ(config.model().dropout(), 0);
  EXPECT_EQ(config.data().sampling(), DataConfig::RANDOM_OFFSET);
  EXPECT_EQ(config.data().val_fraction(), 0.1);
  EXPECT_EQ(config.optim().lr(), 1e-3);
  EXPECT_EQ(config.optim().min_lr(), 1e-4);
  EXPECT_EQ(config.optim().decay_steps(), 2000);
  EXPECT_EQ(config.optim().beta2(), 0.99);
}

}  // namespace
}  // namespace perdure
