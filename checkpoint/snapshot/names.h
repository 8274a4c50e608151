#ifndef PERDURE_CHECKPOINT_SNAPSHOT_NAMES_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_NAMES_H_

// Every name below <run_dir>/snapshots, made and parsed here only.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

inline constexpr char kSnapshotsDirectory[] = "snapshots";
inline constexpr char kWeightsName[] = "model.safetensors";
inline constexpr char kWeightsViewName[] = "model.h5";
inline constexpr char kOptimizerName[] = "optimizer.h5";
inline constexpr char kConfigName[] = "config.json";

// "node-00003.h5": what the ranks of a node have written, in a snapshot of one
// file a node.
std::string NodeFileName(size_t node);
// Whether a file of a snapshot holds tensors or shows them, and is no file that
// goes along.
bool IsStateFile(absl::string_view name);

// "step-000001000": a committed snapshot. Nine digits or more.
std::string SnapshotName(int64_t step);
std::optional<int64_t> ParseSnapshotName(absl::string_view name);

// ".step-000001000.g3.tmp": one that generation 3 is writing, or died over.
struct TemporaryId {
  int64_t step = 0;
  int64_t generation = 0;
  friend bool operator==(const TemporaryId&, const TemporaryId&) = default;
};
std::string TemporaryName(const TemporaryId& id);
std::optional<TemporaryId> ParseTemporaryName(absl::string_view name);

// "bad-step-000001000": found damaged when its step was written again; a later
// one of that step is "bad-step-000001000.2". For people to look at.
std::string BadName(int64_t step, int attempt);

// ".trash-step-000001000": pruned, being deleted.
std::string TrashName(absl::string_view name);
bool IsTrashName(absl::string_view name);

// ".attempts-step-000001000": how often a launch started from that snapshot
// without finishing a step.
std::string AttemptsName(int64_t step);
std::optional<int64_t> ParseAttemptsName(absl::string_view name);

// A file of this name in a snapshot's directory keeps it for good.
inline constexpr char kPinnedName[] = "PINNED";

// Whether a file of a model directory belongs to its tokenizer (or to
// generation), so that it is copied along.
bool IsTokenizerFile(absl::string_view name);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_NAMES_H_
