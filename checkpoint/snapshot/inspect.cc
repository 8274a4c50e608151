#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

struct KindTotal {
  int64_t tensors = 0;
  int64_t elements = 0;
  uint64_t bytes = 0;
};

std::string OrUnknown(const std::string& text) {
  return text.empty() ? "(none)" : text;
}

std::string RunText(const RunState& run) {
  return absl::StrFormat(
      "run         %s\n"
      "step        %d   (generation %d, data cursor %d samples, %d tokens)\n"
      "saved from  %s\n",
      OrUnknown(run.run_id), run.step, run.generation, run.samples, run.tokens,
      OrUnknown(run.topology));
}

std::string ModelText(const ModelConfig& model) {
  return absl::StrFormat(
      "model       %s: %d layers, %d wide, %d heads (%d kv), ffn %d, "
      "vocabulary %d, context %d%s\n",
      model.family(), model.layers(), model.hidden(), model.heads(),
      model.kv_heads(), model.ffn_hidden(), model.vocab_size(), model.context(),
      model.tie_embeddings() ? ", tied head" : "");
}

std::string TensorText(const StoredTensor& tensor) {
  if (!tensor.alias_of.empty()) {
    return absl::StrFormat("  %-10s  %s -> %s\n", StateKindName(tensor.kind),
                           tensor.name, tensor.alias_of);
  }
  return absl::StrFormat("  %-10s  %-5s %-16s %s\n", StateKindName(tensor.kind),
                         DTypeName(tensor.dtype), ShapeText(tensor.shape),
                         tensor.name);
}

}  // namespace

std::string SnapshotReader::Inspect() const {
  std::string text = absl::StrCat("snapshot    ", dir_, "\n", RunText(run_),
                                  ModelText(model_), "files\n");
  for (const FileEntry& entry : entries_) {
    absl::StrAppendFormat(&text, "  %-24s %12s   %d checksums\n", entry.name,
                          HumanBytes(entry.bytes), entry.blocks);
  }
  std::map<StateKind, KindTotal> totals;
  std::string tensors;
  for (const StoredTensor& tensor : index_.tensors()) {
    tensors += TensorText(tensor);
    if (!tensor.alias_of.empty()) continue;
    KindTotal& total = totals[tensor.kind];
    ++total.tensors;
    total.elements += tensor.elements();
    total.bytes += tensor.bytes();
  }
  text += "state\n";
  for (const auto& [kind, total] : totals) {
    absl::StrAppendFormat(&text, "  %-10s  %d tensors, %s elements, %s\n",
                          StateKindName(kind), total.tensors,
                          HumanCount(static_cast<double>(total.elements)),
                          HumanBytes(total.bytes));
  }
  return absl::StrCat(text, "tensors\n", tensors);
}

}  // namespace perdure
