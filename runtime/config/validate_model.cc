#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/text.h"
#include "runtime/config/problems.h"

namespace perdure {
namespace {

void CheckChoice(absl::string_view path, const std::string& value,
                 const std::vector<std::string>& choices, Problems* problems) {
  if (absl::c_linear_search(choices, value)) return;
  problems->Add(path, absl::StrCat("'", value, "' is unknown; choose ",
                                   absl::StrJoin(choices, ", "),
                                   DidYouMean(value, choices)));
}

void RequireFields(const ModelConfig& model, Problems* problems) {
  const struct {
    const char* name;
    bool given;
    const char* meaning;
  } fields[] = {
      {"family", model.has_family(), "gpt2, opt or llama"},
      {"vocab_size", model.has_vocab_size(), "the tokenizer's number of ids"},
      {"context", model.has_context(), "the longest sequence in tokens"},
      {"layers", model.has_layers(), "the number of transformer blocks"},
      {"heads", model.has_heads(), "the number of attention heads"},
      {"hidden", model.has_hidden(), "the width of the residual stream"},
      {"ffn_hidden", model.has_ffn_hidden() || model.family() != "llama",
       "the width of the MLP: llama has no default for it"},
  };
  for (const auto& field : fields) {
    if (field.given) continue;
    problems->Add(absl::StrCat("model.", field.name),
                  absl::StrCat("is missing; give ", field.meaning,
                               ", or model.init_from to read it from there"));
  }
}

void CheckRanges(const ModelConfig& model, Problems* problems) {
  const struct {
    const char* name;
    bool given;
    int32_t value;
  } counts[] = {
      {"vocab_size", model.has_vocab_size(), model.vocab_size()},
      {"context", model.has_context(), model.context()},
      {"layers", model.has_layers(), model.layers()},
      {"heads", model.has_heads(), model.heads()},
      {"kv_heads", model.has_kv_heads(), model.kv_heads()},
      {"hidden", model.has_hidden(), model.hidden()},
      {"ffn_hidden", model.has_ffn_hidden(), model.ffn_hidden()},
      {"head_dim", model.has_head_dim(), model.head_dim()},
  };
  for (const auto& count : counts) {
    if (!count.given) continue;
    problems->RequireAtLeast(absl::StrCat("model.", count.name), count.value,
                             1);
  }
  problems->RequirePositive("model.norm_eps", model.norm_eps());
  problems->RequirePositive("model.rope_theta", model.rope_theta());
  problems->RequirePositive("model.init_std", model.init_std());
  problems->RequireFraction("model.dropout", model.dropout());
  problems->RequireNotEmpty("model.init_from", model.has_init_from(),
                            model.init_from());
  if (model.has_activation()) {
    CheckChoice("model.activation", model.activation(),
                {"gelu_tanh", "gelu", "relu", "silu"}, problems);
  }
}

// Heads, KV heads, head_dim and hidden must fit each other.
void CheckHeads(const ModelConfig& model, Problems* problems) {
  const bool llama = model.family() == "llama";
  const int64_t heads = model.heads();
  if (model.has_heads() && model.kv_heads() > 0 &&
      heads % model.kv_heads() != 0) {
    problems->Add("model.kv_heads",
                  absl::StrCat(model.kv_heads(),
                               " does not divide model.heads "
                               "= ",
                               heads,
                               "; every KV head serves the same "
                               "number of heads: give a divisor of ",
                               heads));
  }
  if (heads < 1 || !model.has_hidden()) return;
  if (!model.has_head_dim() && model.hidden() % heads != 0) {
    problems->Add(
        "model.heads",
        absl::StrCat(heads, " does not divide model.hidden = ", model.hidden(),
                     llama ? "; change one of them, or give model.head_dim"
                           : "; change one of them"));
    return;
  }
  const int64_t head_dim =
      model.has_head_dim() ? model.head_dim() : model.hidden() / heads;
  if (llama && head_dim % 2 != 0) {
    problems->Add("model.head_dim",
                  absl::StrCat(head_dim,
                               " is odd; rotary embeddings turn "
                               "pairs: make it even"));
  }
  if (!llama && model.has_family() && head_dim * heads != model.hidden()) {
    problems->Add("model.head_dim",
                  absl::StrCat(head_dim, " x model.heads ", heads, " = ",
                               head_dim * heads, " is not model.hidden = ",
                               model.hidden(), "; ", model.family(),
                               " needs them equal: leave model.head_dim out"));
  }
}

// Options that a family's Hugging Face form cannot express.
void CheckFamilyLimits(const ModelConfig& model, Problems* problems) {
  if (model.family() != "gpt2" && model.family() != "opt") return;
  const auto only = [&](const char* field, absl::string_view what) {
    problems->Add(absl::StrCat("model.", field),
                  absl::StrCat(model.family(), " ", what,
                               "; leave it out, or choose family llama"));
  };
  if (model.has_kv_heads() && model.has_heads() &&
      model.kv_heads() != model.heads()) {
    only("kv_heads", "has as many KV heads as heads");
  }
  if (model.has_qkv_bias() && !model.qkv_bias()) {
    only("qkv_bias", "always has these biases");
  }
  if (model.has_rope_theta()) only("rope_theta", "has no rotary embeddings");
  if (model.family() == "opt" && model.norm_eps() != 1e-5) {
    only("norm_eps", "always has 1e-5");
  }
}

void CheckAdapters(const ModelConfig& model, Problems* problems) {
  if (model.has_lora() && model.has_prefix()) {
    problems->Add("model.prefix",
                  "and model.lora are two ways to train few parameters; leave "
                  "one of them out");
  }
  if (model.has_lora()) {
    const LoraConfig& lora = model.lora();
    problems->RequireAtLeast("model.lora.rank", lora.rank(), 1);
    problems->RequirePositive("model.lora.alpha", lora.alpha());
    for (const std::string& target : lora.targets()) {
      problems->RequireNotEmpty("model.lora.targets", true, target);
    }
    if (model.has_hidden() && lora.rank() > model.hidden()) {
      problems->Add(
          "model.lora.rank",
          absl::StrCat(lora.rank(), " exceeds model.hidden = ", model.hidden(),
                       ", the rank of the matrices themselves; 4 to "
                       "64 are usual"));
    }
  }
  if (!model.has_prefix()) return;
  const PrefixConfig& prefix = model.prefix();
  problems->RequireAtLeast("model.prefix.tokens", prefix.tokens(), 1);
  if (prefix.init() == PrefixConfig::ACTIVATIONS && model.has_context() &&
      prefix.tokens() > model.context()) {
    problems->Add("model.prefix.tokens",
                  absl::StrCat(prefix.tokens(),
                               " exceeds model.context = ", model.context(),
                               ", the longest text whose activations there "
                               "are; lower it, or set model.prefix.init: "
                               "RANDOM"));
  }
}

}  // namespace

void ValidateModel(const ModelConfig& model, bool for_training,
                   Problems* problems) {
  if (!for_training && model.ByteSizeLong() == 0) return;
  if (!model.has_init_from()) RequireFields(model, problems);
  if (model.has_family()) {
    CheckChoice("model.family", model.family(), {"gpt2", "opt", "llama"},
                problems);
  }
  CheckRanges(model, problems);
  CheckHeads(model, problems);
  CheckFamilyLimits(model, problems);
  CheckAdapters(model, problems);
}

}  // namespace perdure
