// The list of a model's parameters. Order is memory order: matrices that one
// fused product reads stand side by side.
//
// D hidden, F ffn_hidden, H heads, G kv_heads, E head_dim, V vocab_size.

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/text.h"
#include "runtime/nn/families.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

// Specs by block, from names of modules.
class SpecList {
 public:
  SpecList(const ModelConfig& model, const Family& family)
      : model_(model),
        family_(family),
        init_std_(model.init_std()),
        rank_(model.lora().rank()) {}

  // Parameters added from here on belong to `block`, their names start with
  // `prefix`.
  void EnterBlock(int block, std::string prefix) {
    block_ = block;
    prefix_ = std::move(prefix);
  }

  ParamSpec& Add(absl::string_view name, ParamRole role,
                 std::vector<int64_t> shape, Init init) {
    ParamSpec& spec = specs_.emplace_back();
    spec.name = absl::StrCat(prefix_, name);
    spec.role = role;
    spec.shape = std::move(shape);
    spec.block = block_;
    spec.init = init;
    spec.init_std = init == Init::kNormal ? init_std_ : 0;
    // As nanoGPT does: matrices decay, embedding tables among them.
    spec.decay = spec.is_matrix();
    return spec;
  }

  // A module's "weight" [rows, columns].
  ParamSpec& AddTable(const char* module, ParamRole role, int64_t rows,
                      int64_t columns) {
    return Add(absl::StrCat(module, ".weight"), role, {rows, columns},
               Init::kNormal);
  }

  // A linear layer whose outputs are cut (`parts` of them).
  void AddColumnParallel(const char* module, ParamRole role, int64_t in,
                         const std::vector<ParamSpec::Part>& parts) {
    int64_t out = 0;
    for (const ParamSpec::Part& part : parts) out += part.size;
    ParamSpec& spec = family_.transposed ? AddTable(module, role, in, out)
                                         : AddTable(module, role, out, in);
    spec.split_dim = family_.transposed ? 1 : 0;
    spec.parts = parts;
  }

  // Its bias: cut like its outputs.
  void AddColumnBias(const char* module, ParamRole role,
                     const std::vector<ParamSpec::Part>& parts) {
    int64_t out = 0;
    for (const ParamSpec::Part& part : parts) out += part.size;
    ParamSpec& spec =
        Add(absl::StrCat(module, ".bias"), role, {out}, Init::kZeros);
    spec.split_dim = 0;
    spec.parts = parts;
  }

  // A linear layer whose inputs are cut; it adds to the residual stream.
  void AddRowParallel(const char* module, ParamRole role,
                      const ParamSpec::Part& in, int64_t out,
                      double init_scale) {
    ParamSpec& spec = family_.transposed ? AddTable(module, role, in.size, out)
                                         : AddTable(module, role, out, in.size);
    spec.split_dim = family_.transposed ? 0 : 1;
    spec.parts = {in};
    spec.init_std *= init_scale;
  }

  void AddNorm(const char* module, ParamRole weight, ParamRole bias,
               int64_t width) {
    Add(absl::StrCat(module, ".weight"), weight, {width}, Init::kOnes);
    if (family_.norm_bias) {
      Add(absl::StrCat(module, ".bias"), bias, {width}, Init::kZeros);
    }
  }

  // A low-rank adapter of the linear layer `module`: A [r, in], B [out, r],
  // whatever the order of the layer's own matrix. A is drawn as LoRA's authors
  // and PEFT draw it, kaiming_uniform_(a=sqrt(5)): within +-1 / sqrt(in).
  ParamSpec& AddLoraA(const char* module, ParamRole role, int64_t in) {
    ParamSpec& spec = Add(absl::StrCat(module, ".lora_A.weight"), role,
                          {rank_, in}, Init::kUniform);
    spec.init_std = 1 / std::sqrt(3.0 * static_cast<double>(in));
    return spec;
  }
  ParamSpec& AddLoraB(const char* module, ParamRole role, int64_t out) {
    return Add(absl::StrCat(module, ".lora_B.weight"), role, {out, rank_},
               Init::kZeros);
  }

  // Of a layer whose outputs are cut: B is cut as they are.
  void AddColumnLora(const char* module, ParamRole weight, int64_t in,
                     const std::vector<ParamSpec::Part>& parts) {
    if (!HasLora(module)) return;
    const LoraRoles roles = *LoraRolesOf(weight);
    int64_t out = 0;
    for (const ParamSpec::Part& part : parts) out += part.size;
    AddLoraA(module, roles.a, in);
    ParamSpec& b = AddLoraB(module, roles.b, out);
    b.split_dim = 0;
    b.parts = parts;
  }

  // Of a layer whose inputs are cut: A is cut as they are.
  void AddRowLora(const char* module, ParamRole weight,
                  const ParamSpec::Part& in, int64_t out) {
    if (!HasLora(module)) return;
    const LoraRoles roles = *LoraRolesOf(weight);
    ParamSpec& a = AddLoraA(module, roles.a, in.size);
    a.split_dim = 1;
    a.parts = {in};
    AddLoraB(module, roles.b, out);
  }

  // The last parameter lies right behind the one before it.
  void FuseLast() { specs_.back().fused_with_previous = true; }

  std::vector<ParamSpec> Take() { return std::move(specs_); }

 private:
  bool HasLora(const char* module) const {
    return IsLoraTarget(model_, absl::StrCat(prefix_, module));
  }

  const ModelConfig& model_;
  const Family& family_;
  const double init_std_;
  const int64_t rank_;
  int block_ = 0;
  std::string prefix_;
  std::vector<ParamSpec> specs_;
};

// The outputs of q, k and v: units are KV heads with the query heads they
// serve.
struct AttentionParts {
  explicit AttentionParts(const ModelConfig& m)
      : q{int64_t{m.heads()} * m.head_dim(), m.kv_heads()},
        kv{int64_t{m.kv_heads()} * m.head_dim(), m.kv_heads()} {}
  ParamSpec::Part q;
  ParamSpec::Part kv;
};

void AddQkv(const ModelConfig& model, const Family& family, SpecList* list) {
  const AttentionParts parts(model);
  if (family.qkv != nullptr) {
    const std::vector<ParamSpec::Part> fused = {parts.q, parts.kv, parts.kv};
    list->AddColumnParallel(family.qkv, ParamRole::kQkvWeight, model.hidden(),
                            fused);
    list->AddColumnBias(family.qkv, ParamRole::kQkvBias, fused);
    list->AddColumnLora(family.qkv, ParamRole::kQkvWeight, model.hidden(),
                        fused);
    return;
  }
  list->AddColumnParallel(family.q, ParamRole::kQWeight, model.hidden(),
                          {parts.q});
  list->AddColumnParallel(family.k, ParamRole::kKWeight, model.hidden(),
                          {parts.kv});
  list->FuseLast();
  list->AddColumnParallel(family.v, ParamRole::kVWeight, model.hidden(),
                          {parts.kv});
  list->FuseLast();
  if (model.qkv_bias()) {
    list->AddColumnBias(family.q, ParamRole::kQBias, {parts.q});
    list->AddColumnBias(family.k, ParamRole::kKBias, {parts.kv});
    list->FuseLast();
    list->AddColumnBias(family.v, ParamRole::kVBias, {parts.kv});
    list->FuseLast();
  }
  list->AddColumnLora(family.q, ParamRole::kQWeight, model.hidden(), {parts.q});
  list->AddColumnLora(family.k, ParamRole::kKWeight, model.hidden(),
                      {parts.kv});
  list->AddColumnLora(family.v, ParamRole::kVWeight, model.hidden(),
                      {parts.kv});
}

// Keys and values that stand before every token's own.
void AddPrefix(const ModelConfig& model, SpecList* list) {
  if (!model.has_prefix()) return;
  const ParamSpec::Part heads = AttentionParts(model).kv;
  const auto add = [&](const char* name, ParamRole role) {
    ParamSpec& spec = list->Add(
        name, role, {model.prefix().tokens(), heads.size}, Init::kNormal);
    spec.split_dim = 1;
    spec.parts = {heads};
  };
  add("prefix_k", ParamRole::kPrefixK);
  add("prefix_v", ParamRole::kPrefixV);
}

void AddMlp(const ModelConfig& model, const Family& family, double init_scale,
            SpecList* list) {
  const ParamSpec::Part ffn{model.ffn_hidden(), model.ffn_hidden()};
  if (family.gate != nullptr) {
    list->AddColumnParallel(family.gate, ParamRole::kGateWeight, model.hidden(),
                            {ffn});
  }
  list->AddColumnParallel(family.up, ParamRole::kUpWeight, model.hidden(),
                          {ffn});
  if (family.gate != nullptr) list->FuseLast();
  if (family.projection_bias) {
    list->AddColumnBias(family.up, ParamRole::kUpBias, {ffn});
  }
  if (family.gate != nullptr) {
    list->AddColumnLora(family.gate, ParamRole::kGateWeight, model.hidden(),
                        {ffn});
  }
  list->AddColumnLora(family.up, ParamRole::kUpWeight, model.hidden(), {ffn});
  list->AddRowParallel(family.down, ParamRole::kDownWeight, ffn, model.hidden(),
                       init_scale);
  if (family.projection_bias) {
    list->Add(absl::StrCat(family.down, ".bias"), ParamRole::kDownBias,
              {model.hidden()}, Init::kZeros);
  }
  list->AddRowLora(family.down, ParamRole::kDownWeight, ffn, model.hidden());
}

void AddTransformerBlock(const ModelConfig& model, const Family& family,
                         SpecList* list) {
  // GPT-2: 2 * layers projections add to the residual stream; scaled so, its
  // variance does not grow with depth (Radford et al. 2019, section 2.3).
  const double init_scale = 1 / std::sqrt(2.0 * model.layers());
  list->AddNorm(family.norm1, ParamRole::kNorm1Weight, ParamRole::kNorm1Bias,
                model.hidden());
  AddQkv(model, family, list);
  list->AddRowParallel(family.attention_out, ParamRole::kAttnOutWeight,
                       AttentionParts(model).q, model.hidden(), init_scale);
  if (family.projection_bias) {
    list->Add(absl::StrCat(family.attention_out, ".bias"),
              ParamRole::kAttnOutBias, {model.hidden()}, Init::kZeros);
  }
  list->AddRowLora(family.attention_out, ParamRole::kAttnOutWeight,
                   AttentionParts(model).q, model.hidden());
  AddPrefix(model, list);
  list->AddNorm(family.norm2, ParamRole::kNorm2Weight, ParamRole::kNorm2Bias,
                model.hidden());
  AddMlp(model, family, init_scale, list);
}

void AddVocabularyTable(const char* module, ParamRole role,
                        const ModelConfig& model, SpecList* list) {
  ParamSpec& spec =
      list->AddTable(module, role, model.vocab_size(), model.hidden());
  spec.split_dim = 0;
  spec.parts = {{model.vocab_size(), model.vocab_size()}};
}

// Tied weights are one parameter: the name that they share counts.
bool IsTrainable(const ModelConfig& model, const ParamSpec& spec) {
  const std::string& name = spec.alias_of.empty() ? spec.name : spec.alias_of;
  if (model.trainable().empty()) {
    return IsAdapter(spec.role) || !(model.has_lora() || model.has_prefix());
  }
  return std::any_of(model.trainable().begin(), model.trainable().end(),
                     [&](const std::string& pattern) {
                       return MatchesPattern(name, pattern);
                     });
}

}  // namespace

bool IsLoraTarget(const ModelConfig& model, absl::string_view module) {
  return std::any_of(
      model.lora().targets().begin(), model.lora().targets().end(),
      [&](const std::string& target) {
        return MatchesPattern(module, target) ||
               MatchesPattern(module, absl::StrCat("*.", target));
      });
}

std::vector<ParamSpec> ModelParams(const ModelConfig& model) {
  const Family& family = GetFamily(model.family());
  SpecList list(model, family);

  list.EnterBlock(0, "");
  AddVocabularyTable(family.token_embedding, ParamRole::kTokenEmbedding, model,
                     &list);
  if (family.position_embedding != nullptr) {
    list.AddTable(family.position_embedding, ParamRole::kPositionEmbedding,
                  model.context() + family.extra_positions, model.hidden());
  }
  for (int layer = 0; layer < model.layers(); ++layer) {
    list.EnterBlock(layer + 1, absl::StrCat(family.block_prefix, layer, "."));
    AddTransformerBlock(model, family, &list);
  }
  list.EnterBlock(model.layers() + 1, "");
  list.AddNorm(family.final_norm, ParamRole::kFinalNormWeight,
               ParamRole::kFinalNormBias, model.hidden());
  AddVocabularyTable("lm_head", ParamRole::kHeadWeight, model, &list);

  std::vector<ParamSpec> specs = list.Take();
  if (model.tie_embeddings()) specs.back().alias_of = specs.front().name;
  for (ParamSpec& spec : specs) spec.trainable = IsTrainable(model, spec);
  return specs;
}

}  // namespace perdure
