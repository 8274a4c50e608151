#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_READER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_READER_H_

// The one implementation of Snapshot, with what conversion needs besides.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/format/block_file.h"
#include "checkpoint/format/tensor_index.h"
#include "checkpoint/snapshot/snapshot.h"

namespace perdure {

class SnapshotReader : public Snapshot {
 public:
  // DataLoss also where a file is missing or not as long as the manifest says.
  // All files stay open: renaming or pruning the directory does not disturb.
  static absl::StatusOr<std::unique_ptr<SnapshotReader>> Open(
      absl::string_view dir);

  std::string description() const override;
  std::vector<std::string> Names(StateKind kind) const override;
  absl::Status Read(const std::vector<StateRequest>& requests) override;
  absl::StatusOr<LoadReport> Load(Communicator& world,
                                  const std::vector<StateRequest>& requests,
                                  const LoadOptions& options) override;
  const std::string& directory() const override { return dir_; }
  const RunState& run() const override { return run_; }
  const ModelConfig& model() const override { return model_; }
  absl::Status Verify(
      const std::function<void(uint64_t, uint64_t)>& progress) override;
  std::string Inspect() const override;

  struct FileEntry {
    std::string name;
    uint64_t bytes = 0;
    size_t blocks = 0;
  };
  const std::vector<FileEntry>& file_entries() const { return entries_; }
  const BlockFile& file(size_t i) const { return files_[i]; }
  const TensorIndex& index() const { return index_; }
  // Of the tensor of index() with that number; none in old snapshots.
  std::optional<uint64_t> digest(size_t tensor) const {
    return digests_[tensor];
  }

 private:
  explicit SnapshotReader(absl::string_view dir) : dir_(dir) {}
  uint64_t TotalBytes() const;
  absl::Status CheckDigests(const std::vector<uint64_t>& found) const;

  const std::string dir_;
  RunState run_;
  ModelConfig model_;
  TensorIndex index_;
  std::vector<std::optional<uint64_t>> digests_;  // by tensor
  std::vector<FileEntry> entries_;
  std::vector<BlockFile> files_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_READER_H_
