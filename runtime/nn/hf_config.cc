#include "runtime/nn/hf_config.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/text.h"
#include "runtime/config/config.h"
#include "runtime/nn/hf_activation.h"
#include "runtime/nn/hf_reader.h"

namespace perdure {
namespace {

void ReadActivation(const char* key, const char* default_value,
                    HfReader* reader, ModelConfig* model) {
  const std::string name = reader->String(key, default_value);
  const char* ours = ActivationFromHf(name);
  if (ours != nullptr) return model->set_activation(ours);
  reader->Problem(key, absl::StrCat("supported are ",
                                    absl::StrJoin(HfActivationNames(), ", "),
                                    DidYouMean(name, HfActivationNames())));
}

void ReadGpt2(HfReader* reader, ModelConfig* model) {
  model->set_family("gpt2");
  model->set_context(reader->RequiredInt("n_positions"));
  model->set_layers(reader->RequiredInt("n_layer"));
  model->set_heads(reader->RequiredInt("n_head"));
  model->set_hidden(reader->RequiredInt("n_embd"));
  model->set_ffn_hidden(reader->Int("n_inner", 4 * model->hidden()));
  model->set_norm_eps(reader->Double("layer_norm_epsilon", 1e-5));
  model->set_init_std(reader->Double("initializer_range", 0.02));
  model->set_tie_embeddings(reader->Bool("tie_word_embeddings", true));
  ReadActivation("activation_function", "gelu_new", reader, model);
  reader->RequireBool("scale_attn_weights", true, true,
                      "scores are always divided by sqrt(head_dim)");
  reader->RequireBool("scale_attn_by_inverse_layer_idx", false, false,
                      "only false is supported");
  reader->RequireBool("add_cross_attention", false, false,
                      "decoders without an encoder only");
}

void ReadOpt(HfReader* reader, ModelConfig* model) {
  model->set_family("opt");
  model->set_context(reader->RequiredInt("max_position_embeddings"));
  model->set_layers(reader->RequiredInt("num_hidden_layers"));
  model->set_heads(reader->RequiredInt("num_attention_heads"));
  model->set_hidden(reader->RequiredInt("hidden_size"));
  model->set_ffn_hidden(reader->RequiredInt("ffn_dim"));
  model->set_norm_eps(1e-5);  // OPTDecoderLayer's LayerNorm has torch's default
  model->set_init_std(reader->Double("init_std", 0.02));
  model->set_tie_embeddings(reader->Bool("tie_word_embeddings", true));
  ReadActivation("activation_function", "relu", reader, model);
  reader->RequireBool("do_layer_norm_before", true, true,
                      "norms come before attention and MLP (OPT-350m's after "
                      "are not supported)");
  if (reader->Int("word_embed_proj_dim", model->hidden()) != model->hidden()) {
    reader->Problem(
        "word_embed_proj_dim",
        absl::StrCat("must equal hidden_size = ", model->hidden(),
                     " (OPT-350m's projections are not supported)"));
  }
  reader->RequireBool("enable_bias", true, true, "only true is supported");
  reader->RequireBool("layer_norm_elementwise_affine", true, true,
                      "only true is supported");
  reader->RequireBool("_remove_final_layer_norm", false, false,
                      "only false is supported");
}

// Plain rotary embeddings, said in the style of transformers 4 (rope_theta,
// rope_scaling) or 5 (rope_parameters).
void ReadRope(HfReader* reader, ModelConfig* model) {
  model->set_rope_theta(reader->Double("rope_theta", 10000));
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!reader->Has(key)) continue;
    HfReader rope(reader->json()[key]);
    const bool plain =
        rope.json().is_object() &&
        rope.String("rope_type", rope.String("type", "default")) == "default" &&
        rope.Double("partial_rotary_factor", 1) == 1;
    if (plain) {
      model->set_rope_theta(rope.Double("rope_theta", model->rope_theta()));
    }
    if (!plain || !rope.status().ok()) {
      reader->Problem(key, "only unscaled rotary embeddings are supported");
    }
  }
  if (reader->Double("partial_rotary_factor", 1) != 1) {
    reader->Problem("partial_rotary_factor", "only 1 is supported");
  }
}

void ReadLlama(absl::string_view model_type, HfReader* reader,
               ModelConfig* model) {
  const bool qwen = model_type == "qwen2";
  model->set_family("llama");
  model->set_context(reader->RequiredInt("max_position_embeddings"));
  model->set_layers(reader->RequiredInt("num_hidden_layers"));
  model->set_heads(reader->RequiredInt("num_attention_heads"));
  model->set_kv_heads(reader->Int("num_key_value_heads", model->heads()));
  model->set_hidden(reader->RequiredInt("hidden_size"));
  model->set_ffn_hidden(reader->RequiredInt("intermediate_size"));
  if (reader->Has("head_dim")) model->set_head_dim(reader->Int("head_dim", 1));
  model->set_norm_eps(reader->Double("rms_norm_eps", 1e-6));
  model->set_init_std(reader->Double("initializer_range", 0.02));
  model->set_tie_embeddings(reader->Bool("tie_word_embeddings", false));
  model->set_qkv_bias(qwen);
  ReadActivation("hidden_act", "silu", reader, model);
  ReadRope(reader, model);
  reader->RequireBool(
      "attention_bias", qwen, qwen,
      "biases on q, k and v alone (Qwen2) are supported, on the "
      "attention's output they are not");
  reader->RequireBool("mlp_bias", false, false, "only false is supported");
  // Qwen2 names a window that this switch turns off; Mistral's is always on.
  if (!qwen || reader->Bool("use_sliding_window", false)) {
    reader->RequireAbsent(
        "sliding_window",
        "attention sees the whole context: only null is supported");
  }
}

// Of files that lack model_type.
std::string TypeFromArchitectures(const nlohmann::json& json) {
  const auto it = json.find("architectures");
  if (it == json.end() || !it->is_array() || it->empty()) return "";
  const nlohmann::json& name = it->front();
  if (name == "GPT2LMHeadModel") return "gpt2";
  if (name == "OPTForCausalLM") return "opt";
  if (name == "LlamaForCausalLM") return "llama";
  if (name == "MistralForCausalLM") return "mistral";
  if (name == "Qwen2ForCausalLM") return "qwen2";
  return name.is_string() ? name.get<std::string>() : "";
}

// Divisions that the shapes rely on.
void CheckShapes(const char* heads_key, HfReader* reader,
                 const ModelConfig& model) {
  if (!model.has_head_dim() && model.hidden() % model.heads() != 0) {
    reader->Problem(heads_key, absl::StrCat("must divide the hidden size ",
                                            model.hidden()));
  }
  if (model.has_kv_heads() && model.heads() % model.kv_heads() != 0) {
    reader->Problem(
        "num_key_value_heads",
        absl::StrCat("must divide ", heads_key, " = ", model.heads()));
  }
}

}  // namespace

absl::StatusOr<ModelConfig> ModelConfigFromHf(absl::string_view text) {
  nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr,
                                              /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        "config.json: is no JSON object; a Hugging Face model directory has "
        "one that starts with '{'");
  }
  HfReader reader(std::move(json));
  ModelConfig model;
  const std::string type =
      reader.String("model_type", TypeFromArchitectures(reader.json()));
  const char* heads_key = "num_attention_heads";
  if (type == "gpt2") {
    heads_key = "n_head";
    ReadGpt2(&reader, &model);
  } else if (type == "opt") {
    ReadOpt(&reader, &model);
  } else if (type == "llama" || type == "mistral" || type == "qwen2") {
    ReadLlama(type, &reader, &model);
  } else {
    const std::vector<std::string> known = {"gpt2", "opt", "llama", "mistral",
                                            "qwen2"};
    reader.Problem("model_type",
                   absl::StrCat("supported are ", absl::StrJoin(known, ", "),
                                DidYouMean(type, known)));
    return reader.status();
  }
  model.set_vocab_size(reader.RequiredInt("vocab_size"));
  reader.RequireAbsent("quantization_config",
                       "only unquantized weights are supported");
  CheckShapes(heads_key, &reader, model);
  RETURN_IF_ERROR(reader.status());
  return ResolveModelConfig(model);
}

}  // namespace perdure
