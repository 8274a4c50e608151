// The oracle: the files that Hugging Face's own classes have written
// (tests/goldens).

#include <cstring>
#include <map>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/nn/hf_config.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

// Names and shapes from the header of a safetensors file: u64 length, JSON.
Shapes ReadShapes(const std::string& path) {
  const auto content = ReadFile(path);
  EXPECT_TRUE(content.ok()) << content.status();
  uint64_t length = 0;
  std::memcpy(&length, content->data(), sizeof length);
  const auto header = nlohmann::json::parse(content->substr(8, length));
  Shapes shapes;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    shapes[name] = tensor["shape"].get<std::vector<int64_t>>();
  }
  return shapes;
}

class GoldenNamesTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenNamesTest, AreThoseOfTheHuggingFaceModel) {
  const std::string directory =
      std::string(PERDURE_SOURCE_DIR "/tests/goldens/") + GetParam();
  const auto json = ReadFile(directory + "/config.json");
  ASSERT_TRUE(json.ok()) << json.status();
  const auto model = ModelConfigFromHf(*json);
  ASSERT_TRUE(model.ok()) << model.status();

  Shapes ours;
  for (const ParamSpec& spec : ModelParams(*model)) {
    if (spec.alias_of.empty()) ours[spec.name] = spec.shape;
  }
  EXPECT_EQ(ours, ReadShapes(directory + "/model.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenNamesTest,
                         ::testing::Values("gpt2_tied", "gpt2_untied",
                                           "opt_tied", "opt_untied",
                                           "llama_tied", "llama_untied",
                                           "qwen2_tied"));

}  // namespace
}  // namespace perdure
