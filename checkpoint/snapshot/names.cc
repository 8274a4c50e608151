#include "checkpoint/snapshot/names.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace perdure {
namespace {

constexpr absl::string_view kTrash = ".trash-";
constexpr absl::string_view kAttempts = ".attempts-";

// Digits only: SimpleAtoi would also take signs and spaces.
std::optional<int64_t> ParseDigits(absl::string_view text) {
  int64_t value = 0;
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(),
                                   [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !absl::SimpleAtoi(text, &value)) return std::nullopt;
  return value;
}

}  // namespace

std::string NodeFileName(size_t node) {
  return absl::StrFormat("node-%05d.h5", node);
}

bool IsStateFile(absl::string_view name) {
  if (name == kWeightsName || name == kWeightsViewName ||
      name == kOptimizerName) {
    return true;
  }
  return absl::ConsumePrefix(&name, "node-") &&
         absl::ConsumeSuffix(&name, ".h5") && ParseDigits(name).has_value();
}

std::string SnapshotName(int64_t step) {
  return absl::StrFormat("step-%09d", step);
}

std::optional<int64_t> ParseSnapshotName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "step-") || name.size() < 9) {
    return std::nullopt;
  }
  return ParseDigits(name);
}

std::string TemporaryName(const TemporaryId& id) {
  return absl::StrCat(".", SnapshotName(id.step), ".g", id.generation, ".tmp");
}

std::optional<TemporaryId> ParseTemporaryName(absl::string_view name) {
  const size_t dot = name.rfind(".g");
  if (!absl::ConsumeSuffix(&name, ".tmp") || dot == absl::string_view::npos ||
      dot >= name.size() || !absl::StartsWith(name, ".")) {
    return std::nullopt;
  }
  const auto step = ParseSnapshotName(name.substr(1, dot - 1));
  const auto generation = ParseDigits(name.substr(dot + 2));
  if (!step.has_value() || !generation.has_value()) return std::nullopt;
  return TemporaryId{*step, *generation};
}

std::string BadName(int64_t step, int attempt) {
  const std::string name = absl::StrCat("bad-", SnapshotName(step));
  return attempt <= 1 ? name : absl::StrCat(name, ".", attempt);
}

std::string TrashName(absl::string_view name) {
  return absl::StrCat(kTrash, name);
}

bool IsTrashName(absl::string_view name) {
  return absl::StartsWith(name, kTrash);
}

std::string AttemptsName(int64_t step) {
  return absl::StrCat(kAttempts, SnapshotName(step));
}

std::optional<int64_t> ParseAttemptsName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, kAttempts)) return std::nullopt;
  return ParseSnapshotName(name);
}

bool IsTokenizerFile(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"tokenizer.json",
                                                 "tokenizer_config.json",
                                                 "special_tokens_map.json",
                                                 "added_tokens.json",
                                                 "vocab.json",
                                                 "merges.txt",
                                                 "encoder.json",
                                                 "vocab.bpe",
                                                 "chars.json",
                                                 "tokenizer.bin",
                                                 "tokenizer.model",
                                                 "generation_config.json"};
  return std::find(std::begin(kNames), std::end(kNames), name) !=
         std::end(kNames);
}

}  // namespace perdure
