#include "runtime/nn/families.h"

#include "glog/logging.h"

namespace perdure {
namespace {

constexpr Family kFamilies[] = {
    {.name = "gpt2",
     .token_embedding = "transformer.wte",
     .position_embedding = "transformer.wpe",
     .extra_positions = 0,
     .block_prefix = "transformer.h.",
     .norm1 = "ln_1",
     .qkv = "attn.c_attn",
     .q = nullptr,
     .k = nullptr,
     .v = nullptr,
     .attention_out = "attn.c_proj",
     .norm2 = "ln_2",
     .gate = nullptr,
     .up = "mlp.c_fc",
     .down = "mlp.c_proj",
     .final_norm = "transformer.ln_f",
     .transposed = true,
     .norm_bias = true,
     .projection_bias = true},
    {.name = "opt",
     .token_embedding = "model.decoder.embed_tokens",
     .position_embedding = "model.decoder.embed_positions",
     .extra_positions = 2,
     .block_prefix = "model.decoder.layers.",
     .norm1 = "self_attn_layer_norm",
     .qkv = nullptr,
     .q = "self_attn.q_proj",
     .k = "self_attn.k_proj",
     .v = "self_attn.v_proj",
     .attention_out = "self_attn.out_proj",
     .norm2 = "final_layer_norm",
     .gate = nullptr,
     .up = "fc1",
     .down = "fc2",
     .final_norm = "model.decoder.final_layer_norm",
     .transposed = false,
     .norm_bias = true,
     .projection_bias = true},
    {.name = "llama",
     .token_embedding = "model.embed_tokens",
     .position_embedding = nullptr,
     .extra_positions = 0,
     .block_prefix = "model.layers.",
     .norm1 = "input_layernorm",
     .qkv = nullptr,
     .q = "self_attn.q_proj",
     .k = "self_attn.k_proj",
     .v = "self_attn.v_proj",
     .attention_out = "self_attn.o_proj",
     .norm2 = "post_attention_layernorm",
     .gate = "mlp.gate_proj",
     .up = "mlp.up_proj",
     .down = "mlp.down_proj",
     .final_norm = "model.norm",
     .transposed = false,
     .norm_bias = false,
     .projection_bias = false},
};

}  // namespace

const Family& GetFamily(absl::string_view name) {
  for (const Family& family : kFamilies) {
    if (family.name == name) return family;
  }
  LOG(FATAL) << "model.family '" << name << "' was not validated";
}

}  // namespace perdure
