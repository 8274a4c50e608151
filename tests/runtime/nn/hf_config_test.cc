#include "runtime/nn/hf_config.h"

#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "tests/runtime/nn/test_models.h"

namespace perdure {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Json = nlohmann::json;

// A golden config.json, for tests that change a key.
Json Golden(const std::string& name) {
  const auto text =
      ReadFile(PERDURE_SOURCE_DIR "/tests/goldens/" + name + "/config.json");
  EXPECT_TRUE(text.ok()) << text.status();
  return Json::parse(*text);
}

std::string MessageOf(const Json& json) {
  const auto model = ModelConfigFromHf(json.dump());
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(model.status().message());
}

TEST(HfConfigTest, GoldenConfigsAreRead) {
  const auto llama = ModelConfigFromHf(Golden("llama_tied").dump());
  ASSERT_TRUE(llama.ok()) << llama.status();
  EXPECT_EQ(llama->family(), "llama");
  EXPECT_EQ(llama->vocab_size(), 67);
  EXPECT_EQ(llama->context(), 32);
  EXPECT_EQ(llama->layers(), 3);
  EXPECT_EQ(llama->heads(), 6);
  EXPECT_EQ(llama->kv_heads(), 3);
  EXPECT_EQ(llama->head_dim(), 4);
  EXPECT_EQ(llama->hidden(), 24);
  EXPECT_EQ(llama->ffn_hidden(), 50);
  EXPECT_EQ(llama->norm_eps(), 1e-5);
  EXPECT_EQ(llama->rope_theta(), 500);
  EXPECT_EQ(llama->activation(), "silu");
  EXPECT_TRUE(llama->tie_embeddings());
  EXPECT_FALSE(llama->qkv_bias());

  const auto gpt2 = ModelConfigFromHf(Golden("gpt2_untied").dump());
  ASSERT_TRUE(gpt2.ok()) << gpt2.status();
  EXPECT_EQ(gpt2->activation(), "gelu");
  EXPECT_FALSE(gpt2->tie_embeddings());
  EXPECT_TRUE(gpt2->qkv_bias());
  EXPECT_EQ(gpt2->ffn_hidden(), 50);

  const auto qwen = ModelConfigFromHf(Golden("qwen2_tied").dump());
  ASSERT_TRUE(qwen.ok()) << qwen.status();
  EXPECT_EQ(qwen->family(), "llama");
  EXPECT_TRUE(qwen->qkv_bias());
  EXPECT_EQ(qwen->head_dim(), 4);
}

TEST(HfConfigTest, WhatIsWrittenReadsBackAsTheSameModel) {
  for (ModelConfig model : UnevenModels()) {
    model.set_norm_eps(1e-5);
    // Hugging Face's config knows nothing of adapters.
    model.clear_lora();
    model.clear_prefix();
    const std::string json = ModelConfigToHf(model, "bfloat16");
    const auto read = ModelConfigFromHf(json);
    ASSERT_TRUE(read.ok()) << read.status() << json;
    EXPECT_TRUE(MessageDifferencer::Equals(model, *read))
        << json << model.DebugString() << read->DebugString();
    EXPECT_EQ(Json::parse(json)["torch_dtype"], "bfloat16");
  }
}

TEST(HfConfigTest, GoldenConfigsSurviveARoundTrip) {
  for (const char* name : {"gpt2_tied", "gpt2_untied", "opt_tied", "opt_untied",
                           "llama_tied", "llama_untied", "qwen2_tied"}) {
    const Json golden = Golden(name);
    const auto model = ModelConfigFromHf(golden.dump());
    ASSERT_TRUE(model.ok()) << name << model.status();
    const Json ours = Json::parse(ModelConfigToHf(*model, "float32"));
    for (const auto& [key, value] : ours.items()) {
      if (key.ends_with("_token_id") || !golden.contains(key)) continue;
      EXPECT_EQ(value, golden[key]) << name << " " << key;
    }
  }
}

TEST(HfConfigTest, SpecialTokensOfAnotherVocabularyAreCleared) {
  const Json small =
      Json::parse(ModelConfigToHf(SomeModel("gpt2", {65, 7, 2, 5, 10}), "x"));
  EXPECT_TRUE(small.at("eos_token_id").is_null());
  const Json full = Json::parse(
      ModelConfigToHf(SomeModel("gpt2", {50304, 7, 2, 5, 10}), "x"));
  EXPECT_FALSE(full.contains("eos_token_id"));
}

TEST(HfConfigTest, EverySettingThatCannotBeHonouredIsNamed) {
  Json opt = Golden("opt_tied");
  opt["do_layer_norm_before"] = false;
  opt["word_embed_proj_dim"] = 512;
  opt["activation_function"] = "rel";
  EXPECT_THAT(MessageOf(opt), AllOf(HasSubstr("do_layer_norm_before: false"),
                                    HasSubstr("word_embed_proj_dim: 512"),
                                    HasSubstr("activation_function: \"rel\""),
                                    HasSubstr("did you mean 'relu'")));

  Json llama = Golden("llama_untied");
  llama["rope_scaling"] = {{"rope_type", "llama3"}, {"factor", 8.0}};
  llama["attention_bias"] = true;
  llama["mlp_bias"] = true;
  llama["sliding_window"] = 4096;
  llama["quantization_config"] = {{"bits", 4}};
  EXPECT_THAT(
      MessageOf(llama),
      AllOf(HasSubstr("rope_scaling: {"), HasSubstr("llama3"),
            HasSubstr("attention_bias: true"), HasSubstr("mlp_bias: true"),
            HasSubstr("sliding_window: 4096"),
            HasSubstr("quantization_config")));

  Json gpt2 = Golden("gpt2_tied");
  gpt2["scale_attn_by_inverse_layer_idx"] = true;
  EXPECT_THAT(MessageOf(gpt2), HasSubstr("scale_attn_by_inverse_layer_idx"));
}

TEST(HfConfigTest, RotaryBaseIsReadInBothStyles) {
  Json json = Golden("llama_untied");
  json.erase("rope_theta");
  json.erase("rope_scaling");
  json["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  const auto model = ModelConfigFromHf(json.dump());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->rope_theta(), 5e5);
}

TEST(HfConfigTest, Qwen2WindowCountsOnlyWhereItIsSwitchedOn) {
  Json json = Golden("qwen2_tied");
  json["sliding_window"] = 4096;
  json["use_sliding_window"] = false;
  EXPECT_TRUE(ModelConfigFromHf(json.dump()).ok());
  json["use_sliding_window"] = true;
  EXPECT_THAT(MessageOf(json), HasSubstr("sliding_window: 4096"));
}

TEST(HfConfigTest, MissingAndMistypedKeysAreListedTogether) {
  Json json = Golden("gpt2_tied");
  json.erase("n_layer");
  json["n_embd"] = "24";
  json["vocab_size"] = -1;
  EXPECT_THAT(MessageOf(json),
              AllOf(HasSubstr("n_layer: (missing)"),
                    HasSubstr("n_embd: \"24\""), HasSubstr("vocab_size: -1")));
}

TEST(HfConfigTest, HeadsThatDoNotDivideTheWidthAreRefused) {
  Json json = Golden("gpt2_tied");
  json["n_head"] = 7;
  EXPECT_THAT(MessageOf(json), HasSubstr("n_head: 7; must divide the hidden"));
  json = Golden("llama_tied");
  json["num_key_value_heads"] = 4;
  EXPECT_THAT(MessageOf(json),
              HasSubstr("num_key_value_heads: 4; must divide"));
}

TEST(HfConfigTest, OtherArchitecturesAreRefusedByName) {
  Json json = Golden("llama_tied");
  json["model_type"] = "mixtral";
  EXPECT_THAT(MessageOf(json), HasSubstr("model_type: \"mixtral\""));
  json.erase("model_type");
  EXPECT_TRUE(ModelConfigFromHf(json.dump()).ok());  // by "architectures"
}

TEST(HfConfigTest, BrokenJsonIsAnErrorAndNoCrash) {
  for (const char* text : {"", "{", "[1]", "null", "{\"model_type\": 3}",
                           "{\"model_type\": \"gpt2\xff\"}"}) {
    EXPECT_EQ(ModelConfigFromHf(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace perdure
