#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "runtime/base/text.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

// A pattern that matches nothing is a slip of the pen.
void CheckTrainable(const ModelConfig& model,
                    std::vector<std::string>* problems) {
  if (model.trainable().empty()) return;
  const std::vector<ParamSpec> specs = ModelParams(model);
  for (int i = 0; i < model.trainable_size(); ++i) {
    const std::string& pattern = model.trainable(i);
    const bool matches =
        std::any_of(specs.begin(), specs.end(), [&](const ParamSpec& spec) {
          return spec.alias_of.empty() && MatchesPattern(spec.name, pattern);
        });
    if (matches) continue;
    problems->push_back(absl::StrCat(
        "model.trainable[", i, "]: '", pattern,
        "' matches no parameter; names are such as ", specs.front().name,
        " and ", specs[specs.size() / 2].name, ", and * stands for anything"));
  }
}

// Whole names of the layers that low-rank adapters can be added to.
std::vector<std::string> LinearLayers(const ModelConfig& model) {
  std::vector<std::string> names;
  for (const ParamSpec& spec : ModelParams(model)) {
    if (!LoraRolesOf(spec.role).has_value()) continue;
    names.emplace_back(absl::StripSuffix(spec.name, ".weight"));
  }
  return names;
}

// The names that the layers of all blocks share: "q_proj".
std::vector<std::string> LastNames(const std::vector<std::string>& names) {
  std::vector<std::string> last;
  for (const std::string& name : names) {
    const std::string end = name.substr(name.rfind('.') + 1);
    if (!absl::c_linear_search(last, end)) last.push_back(end);
  }
  return last;
}

void CheckLoraTargets(const ModelConfig& model,
                      std::vector<std::string>* problems) {
  if (!model.has_lora()) return;
  const std::vector<std::string> layers = LinearLayers(model);
  for (int i = 0; i < model.lora().targets_size(); ++i) {
    ModelConfig one = model;
    one.mutable_lora()->clear_targets();
    one.mutable_lora()->add_targets(model.lora().targets(i));
    if (absl::c_any_of(layers, [&](const std::string& layer) {
          return IsLoraTarget(one, layer);
        })) {
      continue;
    }
    const std::vector<std::string> last = LastNames(layers);
    problems->push_back(absl::StrCat(
        "model.lora.targets[", i, "]: '", model.lora().targets(i),
        "' is no linear layer of ", model.family(), ", which has ",
        absl::StrJoin(last, ", "), DidYouMean(model.lora().targets(i), last),
        " (whole names are such as ", layers.front(), ")"));
  }
}

// Adapters that nothing trains would stay at what changes nothing.
void CheckAdaptersTrained(const ModelConfig& model,
                          std::vector<std::string>* problems) {
  const std::vector<ParamSpec> specs = ModelParams(model);
  const auto adapter = absl::c_find_if(
      specs, [](const ParamSpec& spec) { return IsAdapter(spec.role); });
  if (adapter == specs.end() || model.trainable().empty()) return;
  if (absl::c_any_of(specs, [](const ParamSpec& spec) {
        return IsAdapter(spec.role) && spec.trainable;
      })) {
    return;
  }
  problems->push_back(
      absl::StrCat("model.trainable: no pattern matches ", adapter->name,
                   " or another parameter of ",
                   model.has_lora() ? "model.lora" : "model.prefix", "; add \"",
                   model.has_lora() ? "*.lora_*" : "*.prefix_*",
                   "\", or leave model.trainable out to train these alone"));
}

}  // namespace

std::vector<std::string> CheckModelTopology(const ModelConfig& model,
                                            const Topology& topology) {
  std::vector<std::string> problems;
  const auto check_tp = [&](const char* field, int64_t units) {
    if (topology.tp() <= units) return;
    problems.push_back(absl::StrCat(
        "topology.tp: ", topology.tp(), " exceeds ", field, " = ", units,
        "; set topology.tp to at most ", units,
        ", and use topology.pp or topology.dp for the other ranks"));
  };
  check_tp("model.kv_heads", model.kv_heads());
  check_tp("model.ffn_hidden", model.ffn_hidden());
  check_tp("model.vocab_size", model.vocab_size());
  if (topology.pp() > model.layers()) {
    problems.push_back(
        absl::StrCat("topology.pp: ", topology.pp(),
                     " exceeds model.layers = ", model.layers(),
                     "; every stage needs a transformer layer: set "
                     "topology.pp to at most ",
                     model.layers()));
  }
  if (model.kv_heads() < 1 || model.heads() % model.kv_heads() != 0) {
    problems.push_back(
        absl::StrCat("model.kv_heads: ", model.kv_heads(),
                     " does not divide model.heads = ", model.heads(),
                     "; every KV head serves the same number of query heads"));
  }
  CheckTrainable(model, &problems);
  CheckLoraTargets(model, &problems);
  CheckAdaptersTrained(model, &problems);
  if (topology.cp() != 1) {
    problems.push_back(
        absl::StrCat("topology.cp: ", topology.cp(),
                     "; context parallelism is reserved, leave it 1"));
  }
  return problems;
}

Range StageBlocks(const ModelConfig& model, int pp, int stage) {
  const Range layers = EvenPart(model.layers(), pp, stage);
  // Layer i is block i + 1; the embedding comes before the first stage's, the
  // head after the last one's.
  Range blocks{layers.begin + 1, layers.end + 1};
  if (stage == 0) blocks.begin = 0;
  if (stage == pp - 1) blocks.end = model.layers() + 2;
  return blocks;
}

}  // namespace perdure
