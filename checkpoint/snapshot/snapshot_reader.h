#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_READER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_READER_H_

// The one implementation of Snapshot, with what conversion needs besides.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/format/block_file.h"
#include "checkpoint/format/manifest.pb.h"
#include "checkpoint/format/tensor_index.h"
#include "checkpoint/snapshot/node_exchange.h"
#include "checkpoint/snapshot/snapshot.h"

namespace perdure {

class SnapshotReader : public Snapshot {
 public:
  // DataLoss also where a file is missing or not as long as the manifest says.
  // All files stay open: renaming or pruning the directory does not disturb.
  //
  // kSomeFiles: of a node's own directory, where other nodes hold what is
  // missing; Load then brings what is needed from them, and takes another copy
  // where one is damaged.
  enum Completeness { kAllFiles, kSomeFiles };
  static absl::StatusOr<std::unique_ptr<SnapshotReader>> Open(
      absl::string_view dir, Completeness completeness = kAllFiles);

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
  bool holds(size_t i) const { return held_[i]; }
  const TensorIndex& index() const { return index_; }
  // Of the tensor of index() with that number; none in old snapshots.
  std::optional<uint64_t> digest(size_t tensor) const {
    return digests_[tensor];
  }

 private:
  SnapshotReader(absl::string_view dir, Completeness completeness)
      : dir_(dir), completeness_(completeness) {}
  absl::Status OpenFile(const ManifestFile& entry,
                        std::vector<FileBlock> blocks);
  absl::Status LoadOnce(Communicator& world, Communicator& node,
                        const std::vector<std::vector<Fetch>>& fetches,
                        LoadReport* report, Findings* found);
  absl::Status GiveUpFiles(Communicator& world, const std::string& node,
                           const Findings& found);
  uint64_t TotalBytes() const;
  absl::Status CheckDigests(const std::vector<uint64_t>& found) const;

  const std::string dir_;
  const Completeness completeness_;
  RunState run_;
  ModelConfig model_;
  TensorIndex index_;
  std::vector<std::optional<uint64_t>> digests_;  // by tensor
  std::vector<FileEntry> entries_;
  std::vector<BlockFile> files_;
  std::vector<bool> held_;  // by file
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_READER_H_
