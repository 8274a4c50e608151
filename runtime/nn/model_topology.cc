#include <algorithm>

#include "absl/strings/str_cat.h"
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
