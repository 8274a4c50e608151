#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/nn/families.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

// What tools put before a name: DDP, torch.compile, PEFT, and Hugging Face's
// own models by whether they were saved with or without a head.
constexpr absl::string_view kWrappers[] = {"module.",     "_orig_mod.",
                                           "base_model.", "transformer.",
                                           "model.",      "decoder."};

absl::string_view StripWrappers(absl::string_view name) {
  bool stripped = true;
  while (stripped) {
    stripped = false;
    for (const absl::string_view wrapper : kWrappers) {
      stripped = absl::ConsumePrefix(&name, wrapper) || stripped;
    }
  }
  return name;
}

// Whether `name`, without wrappers, is inside the module that the family calls
// `canonical`.
bool IsIn(const Family& family, absl::string_view name, const char* canonical) {
  if (canonical == nullptr) return false;
  const absl::string_view module = absl::StripPrefix(canonical, family.root);
  return absl::StartsWith(name, module) &&
         (absl::EndsWith(module, ".") || name.size() == module.size() ||
          name[module.size()] == '.');
}

// Buffers that some versions of transformers saved beside the parameters.
bool IsBuffer(const Family& family, absl::string_view name) {
  if (absl::EndsWith(name, "rotary_emb.inv_freq")) return true;
  return family.transposed && (absl::EndsWith(name, ".attn.bias") ||
                               absl::EndsWith(name, ".attn.masked_bias"));
}

}  // namespace

std::string CanonicalName(const ModelConfig& model, absl::string_view name) {
  const Family& family = GetFamily(model.family());
  const absl::string_view bare = StripWrappers(name);
  if (IsBuffer(family, bare)) return "";
  if (absl::StartsWith(bare, "lm_head.")) return std::string(bare);
  for (const char* module : {family.token_embedding, family.position_embedding,
                             family.block_prefix, family.final_norm}) {
    if (IsIn(family, bare, module)) return absl::StrCat(family.root, bare);
  }
  return std::string(name);
}

}  // namespace perdure
