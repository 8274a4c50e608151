#include "nlohmann/json.hpp"
#include "runtime/nn/hf_activation.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

using Json = nlohmann::ordered_json;

// ModelConfig has no special tokens. The family's defaults are left to hold
// where the vocabulary has room for the original one; elsewhere they would stop
// generation at some ordinary token.
void LeaveOutOrClear(const ModelConfig& model, int original_vocabulary,
                     std::initializer_list<const char*> keys, Json* json) {
  if (model.vocab_size() >= original_vocabulary) return;
  for (const char* key : keys) (*json)[key] = nullptr;
}

void WriteGpt2(const ModelConfig& model, Json* json) {
  (*json)["architectures"] = {"GPT2LMHeadModel"};
  (*json)["model_type"] = "gpt2";
  (*json)["n_positions"] = model.context();
  (*json)["n_layer"] = model.layers();
  (*json)["n_head"] = model.heads();
  (*json)["n_embd"] = model.hidden();
  (*json)["n_inner"] = model.ffn_hidden();
  (*json)["activation_function"] = ActivationToHf(model.activation());
  (*json)["layer_norm_epsilon"] = model.norm_eps();
  (*json)["initializer_range"] = model.init_std();
  (*json)["resid_pdrop"] = model.dropout();
  (*json)["embd_pdrop"] = model.dropout();
  (*json)["attn_pdrop"] = model.dropout();
  LeaveOutOrClear(model, 50257, {"bos_token_id", "eos_token_id"}, json);
}

void WriteOpt(const ModelConfig& model, Json* json) {
  (*json)["architectures"] = {"OPTForCausalLM"};
  (*json)["model_type"] = "opt";
  (*json)["max_position_embeddings"] = model.context();
  (*json)["num_hidden_layers"] = model.layers();
  (*json)["num_attention_heads"] = model.heads();
  (*json)["hidden_size"] = model.hidden();
  (*json)["word_embed_proj_dim"] = model.hidden();
  (*json)["ffn_dim"] = model.ffn_hidden();
  (*json)["do_layer_norm_before"] = true;
  (*json)["activation_function"] = ActivationToHf(model.activation());
  (*json)["init_std"] = model.init_std();
  (*json)["dropout"] = model.dropout();
  (*json)["attention_dropout"] = model.dropout();
  LeaveOutOrClear(model, 50265,
                  {"bos_token_id", "eos_token_id", "pad_token_id"}, json);
}

void WriteLlama(const ModelConfig& model, Json* json) {
  // The one class of transformers with biases on q, k and v and none elsewhere.
  const bool qwen = model.qkv_bias();
  (*json)["architectures"] = {qwen ? "Qwen2ForCausalLM" : "LlamaForCausalLM"};
  (*json)["model_type"] = qwen ? "qwen2" : "llama";
  (*json)["max_position_embeddings"] = model.context();
  (*json)["num_hidden_layers"] = model.layers();
  (*json)["num_attention_heads"] = model.heads();
  (*json)["num_key_value_heads"] = model.kv_heads();
  (*json)["head_dim"] = model.head_dim();
  (*json)["hidden_size"] = model.hidden();
  (*json)["intermediate_size"] = model.ffn_hidden();
  (*json)["hidden_act"] = ActivationToHf(model.activation());
  (*json)["rms_norm_eps"] = model.norm_eps();
  (*json)["rope_theta"] = model.rope_theta();
  (*json)["initializer_range"] = model.init_std();
  (*json)["attention_dropout"] = model.dropout();
  if (qwen) {
    (*json)["use_sliding_window"] = false;
    (*json)["sliding_window"] = nullptr;
  } else {
    (*json)["attention_bias"] = false;
    (*json)["mlp_bias"] = false;
  }
  (*json)["bos_token_id"] = nullptr;
  (*json)["eos_token_id"] = nullptr;
}

}  // namespace

std::string ModelConfigToHf(const ModelConfig& model,
                            absl::string_view torch_dtype) {
  Json json = Json::object();
  if (model.family() == "gpt2") {
    WriteGpt2(model, &json);
  } else if (model.family() == "opt") {
    WriteOpt(model, &json);
  } else {
    WriteLlama(model, &json);
  }
  json["vocab_size"] = model.vocab_size();
  json["tie_word_embeddings"] = model.tie_embeddings();
  json["torch_dtype"] = std::string(torch_dtype);
  return json.dump(2) + "\n";
}

}  // namespace perdure
