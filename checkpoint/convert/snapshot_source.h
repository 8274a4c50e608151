#ifndef PERDURE_CHECKPOINT_CONVERT_SNAPSHOT_SOURCE_H_
#define PERDURE_CHECKPOINT_CONVERT_SNAPSHOT_SOURCE_H_

// Snapshots as sources of tensors, and tensors as a source of state.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/convert/apply_rules.h"
#include "checkpoint/foreign/tensor_source.h"
#include "checkpoint/format/tensor_index.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "runtime/base/status.h"

namespace perdure {

// A snapshot directory, complete or not; or a run directory.
bool LooksLikeSnapshot(absl::string_view path);

// The directory of a snapshot, or the newest good one of a run directory (those
// that are skipped are warned about).
absl::StatusOr<std::string> ResolveSnapshot(absl::string_view path);

// Every block is checked when it is read, and the small files (config.json,
// the tokenizer's) here.
absl::StatusOr<TensorSource> OpenSnapshotSource(const std::string& path);

// Converted tensors of a model behind the interface that training loads from.
class ConvertedSource : public StateSource {
 public:
  // Canonical names and shapes, as FitToModel leaves them.
  ConvertedSource(std::string description, const ModelConfig& model,
                  std::vector<ConvertedTensor> tensors);
  std::string description() const override { return description_; }
  std::vector<std::string> Names(StateKind kind) const override {
    return index_.Names(kind);
  }
  absl::Status Read(const std::vector<StateRequest>& requests) override;

 private:
  const std::string description_;
  std::vector<ConvertedTensor> tensors_;
  TensorIndex index_;  // `file` is the place in tensors_
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_SNAPSHOT_SOURCE_H_
