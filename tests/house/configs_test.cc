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
  EXPECT_THAT(
      ConfigNames(),
      testing::ElementsAre(
          "demo", "fzoo_sst2_opt_13b", "gpt2_124m", "gpt2_1558m", "gpt2_350m",
          "gpt2_774m", "laptop", "lora_sst2_opt_125m", "mezo_lora_sst2_opt_13b",
          "mezo_prefix_sst2_opt_13b", "mezo_sst2_opt_125m", "mezo_sst2_opt_13b",
          "mezo_sst2_opt_1_3b", "mezo_sst2_opt_30b", "one_spsa_sst2_opt_13b",
          "shakespeare_char"));
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

TEST(ConfigListTest, OptShapesHaveTheParametersOfTheirNames) {
  const auto parameters = [](const std::string& name) {
    const ModelConfig model = Load(name).model();
    const int64_t width = model.hidden();
    return model.layers() * (12 * width * width + 13 * width) +
           (model.vocab_size() + model.context() + 2 + 2) * width;
  };
  // Counts of Hugging Face's facebook/opt-125m, -1.3b, -13b, -30b.
  EXPECT_EQ(parameters("mezo_sst2_opt_125m"), 125239296);
  EXPECT_EQ(parameters("mezo_sst2_opt_1_3b"), 1315758080);
  EXPECT_EQ(parameters("mezo_sst2_opt_13b"), 12853473280);
  EXPECT_EQ(parameters("mezo_sst2_opt_30b"), 29974540288);
}

TEST(ConfigListTest, ZerothOrderSettingsAreThoseOfThePapers) {
  const RunConfig mezo = Load("mezo_sst2_opt_13b");
  EXPECT_EQ(mezo.train().global_batch(), 16);
  EXPECT_EQ(mezo.train().steps(), 20000);
  EXPECT_EQ(mezo.zeroth_order().eps(), 1e-3);
  EXPECT_EQ(mezo.optim().lr(), 1e-7);
  EXPECT_EQ(mezo.optim().weight_decay(), 0);
  EXPECT_EQ(mezo.optim().schedule(), OptimConfig::CONSTANT);
  const RunConfig lora = Load("mezo_lora_sst2_opt_13b");
  EXPECT_EQ(lora.zeroth_order().eps(), 1e-2);
  EXPECT_EQ(lora.optim().lr(), 1e-4);
  EXPECT_EQ(lora.model().lora().rank(), 8);
  EXPECT_EQ(lora.model().lora().alpha(), 16);
  EXPECT_THAT(lora.model().lora().targets(),
              testing::ElementsAre("q_proj", "v_proj"));
  const RunConfig prefix = Load("mezo_prefix_sst2_opt_13b");
  EXPECT_EQ(prefix.zeroth_order().eps(), 1e-1);
  EXPECT_EQ(prefix.optim().lr(), 1e-3);
  EXPECT_EQ(prefix.model().prefix().tokens(), 5);
  EXPECT_EQ(prefix.model().prefix().init(), PrefixConfig::ACTIVATIONS);
  EXPECT_EQ(Load("one_spsa_sst2_opt_13b").zeroth_order().directions(), 160);
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
