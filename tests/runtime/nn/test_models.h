#ifndef PERDURE_TESTS_RUNTIME_NN_TEST_MODELS_H_
#define PERDURE_TESTS_RUNTIME_NN_TEST_MODELS_H_

#include <string>
#include <vector>

#include "runtime/config/config.h"

namespace perdure {

struct ModelSize {
  int vocab_size, context, layers, heads, hidden;
};

inline ModelConfig SomeModel(const std::string& family, const ModelSize& size) {
  ModelConfig model;
  model.set_family(family);
  model.set_vocab_size(size.vocab_size);
  model.set_context(size.context);
  model.set_layers(size.layers);
  model.set_heads(size.heads);
  model.set_hidden(size.hidden);
  if (family == "llama") model.set_ffn_hidden(4 * size.hidden);
  return ResolveModelConfig(model);
}

// Small models in which nothing divides evenly: 65 rows of vocabulary, 5 query
// heads (10 on 5 KV heads for llama), 22 FFN columns.
inline std::vector<ModelConfig> UnevenModels() {
  ModelConfig gpt2 = SomeModel("gpt2", {65, 7, 5, 5, 10});
  gpt2.set_ffn_hidden(22);
  ModelConfig untied = gpt2;
  untied.set_tie_embeddings(false);
  ModelConfig opt = SomeModel("opt", {65, 7, 5, 5, 10});
  opt.set_ffn_hidden(22);
  ModelConfig llama = SomeModel("llama", {65, 7, 5, 10, 20});
  llama.set_kv_heads(5);
  llama.set_ffn_hidden(22);
  ModelConfig qwen = llama;
  qwen.set_qkv_bias(true);
  qwen.set_tie_embeddings(true);
  // With adapters of every layer; with prefixes.
  ModelConfig gpt2_lora = gpt2, llama_lora = llama, prefix = llama;
  for (ModelConfig* model : {&gpt2_lora, &llama_lora}) {
    model->mutable_lora()->set_rank(3);
    model->mutable_lora()->add_targets("*");
  }
  prefix.mutable_prefix()->set_tokens(3);
  return {gpt2, untied, opt, llama, qwen, gpt2_lora, llama_lora, prefix};
}

}  // namespace perdure

#endif  // PERDURE_TESTS_RUNTIME_NN_TEST_MODELS_H_
