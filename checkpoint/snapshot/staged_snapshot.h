#ifndef PERDURE_CHECKPOINT_SNAPSHOT_STAGED_SNAPSHOT_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_STAGED_SNAPSHOT_H_

// A snapshot under a hidden name, until it is complete. Rank 0's part.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/format/manifest.pb.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/plan.h"
#include "checkpoint/snapshot/write_protocol.pb.h"
#include "runtime/base/status.h"

namespace perdure {

struct SnapshotPaths {
  std::string parent;     // exists
  std::string name;       // when committed
  std::string temporary;  // until then
};

// A small file that goes along: name and content.
using SideFile = std::pair<std::string, std::string>;

class StagedSnapshot {
 public:
  // Checks the free space, makes the temporary directory (removing what a dead
  // run left under this name) and all files at their full size; everything that
  // is not tensor data is in them, synced. Aborted if the disk is too full.
  static absl::StatusOr<std::unique_ptr<StagedSnapshot>> Create(
      Storage& storage, const SnapshotPaths& paths, const SnapshotPlan& plan,
      const std::vector<SideFile>& side_files);
  // Removes the temporary directory unless committed.
  ~StagedSnapshot();
  StagedSnapshot(const StagedSnapshot&) = delete;
  StagedSnapshot& operator=(const StagedSnapshot&) = delete;

  const std::vector<uint64_t>& hdf5_offsets() const {
    return skeleton_.offsets;
  }

  // Adds what the ranks have written to the manifest, writes it and gives the
  // directory its name; durable on return. `plan` has all offsets. On failure
  // no directory of that name appears.
  absl::Status Commit(const SnapshotPlan& plan,
                      const std::vector<RankExtents>& of_ranks,
                      SnapshotManifest head);

 private:
  StagedSnapshot(Storage& storage, const SnapshotPaths& paths)
      : storage_(storage), paths_(paths) {}
  std::string Path(const std::string& file) const;
  absl::Status CheckSpace(const SnapshotPlan& plan) const;
  absl::Status WriteStructures(const SnapshotPlan& plan);
  absl::Status WriteSideFile(const SideFile& side_file);
  absl::Status Rename();

  Storage& storage_;
  const SnapshotPaths paths_;
  Hdf5Skeleton skeleton_;
  SnapshotManifest manifest_;  // files and structure extents so far
  bool exists_ = false;        // the temporary directory
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_STAGED_SNAPSHOT_H_
