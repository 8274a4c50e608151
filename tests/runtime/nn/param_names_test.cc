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
    EXPECT_EQ(CanonicalName(*model, spec.name), spec.name);
  }
  EXPECT_EQ(ours, ReadShapes(directory + "/model.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenNamesTest,
                         ::testing::Values("gpt2_tied", "gpt2_untied",
                                           "opt_tied", "opt_untied",
                                           "llama_tied", "llama_untied",
                                           "qwen2_tied"));

ModelConfig Family(const std::string& family) {
  ModelConfig model;
  model.set_family(family);
  return model;
}

TEST(CanonicalNameTest, PrefixVariantsAreOneName) {
  const ModelConfig gpt2 = Family("gpt2");
  for (const char* name :
       {"wte.weight", "transformer.wte.weight", "module.transformer.wte.weight",
        "_orig_mod.module.transformer.wte.weight"}) {
    EXPECT_EQ(CanonicalName(gpt2, name), "transformer.wte.weight");
  }
  EXPECT_EQ(CanonicalName(gpt2, "h.11.ln_1.bias"),
            "transformer.h.11.ln_1.bias");
  EXPECT_EQ(CanonicalName(gpt2, "lm_head.weight"), "lm_head.weight");

  const ModelConfig opt = Family("opt");
  for (const char* name :
       {"decoder.layers.0.fc1.weight", "model.decoder.layers.0.fc1.weight",
        "layers.0.fc1.weight"}) {
    EXPECT_EQ(CanonicalName(opt, name), "model.decoder.layers.0.fc1.weight");
  }
  EXPECT_EQ(CanonicalName(opt, "decoder.final_layer_norm.weight"),
            "model.decoder.final_layer_norm.weight");

  const ModelConfig llama = Family("llama");
  EXPECT_EQ(CanonicalName(llama, "norm.weight"), "model.norm.weight");
  EXPECT_EQ(CanonicalName(llama, "layers.3.mlp.up_proj.weight"),
            "model.layers.3.mlp.up_proj.weight");
}

TEST(CanonicalNameTest, BuffersAreNoParameters) {
  EXPECT_EQ(CanonicalName(Family("gpt2"), "h.0.attn.bias"), "");
  EXPECT_EQ(CanonicalName(Family("gpt2"), "transformer.h.3.attn.masked_bias"),
            "");
  EXPECT_EQ(CanonicalName(Family("llama"),
                          "model.layers.0.self_attn.rotary_emb.inv_freq"),
            "");
}

TEST(CanonicalNameTest, StrangersKeepTheirNames) {
  for (const char* name : {"encoder.layers.0.fc1.weight", "wtex.weight",
                           "transformer.normal.weight", "score.weight"}) {
    for (const char* family : {"gpt2", "opt", "llama"}) {
      EXPECT_EQ(CanonicalName(Family(family), name), name) << family;
    }
  }
}

}  // namespace
}  // namespace perdure
