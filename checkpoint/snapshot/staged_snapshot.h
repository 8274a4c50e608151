#ifndef PERDURE_CHECKPOINT_SNAPSHOT_STAGED_SNAPSHOT_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_STAGED_SNAPSHOT_H_

// A snapshot under a hidden name, until it is complete. Rank 0's part.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/format/manifest.pb.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/chunk_writer.h"
#include "checkpoint/snapshot/commit_content.h"
#include "checkpoint/snapshot/plan.h"
#include "checkpoint/snapshot/snapshot_files.h"
#include "runtime/base/status.h"

namespace perdure {

struct SnapshotPaths {
  std::string parent;     // exists
  std::string name;       // when committed
  std::string temporary;  // until then
};

class StagedSnapshot {
 public:
  // Checks the free space, makes the temporary directory (removing what a dead
  // run left under this name) and the files that ranks write into, at their
  // full size. Aborted if the disk is too full. `plan` has all offsets; it and
  // `structure` outlive the object. `header_first`: the header of the weights
  // is there from the start as well, so that what is left of an interrupted
  // conversion can be looked at.
  static absl::StatusOr<std::unique_ptr<StagedSnapshot>> Create(
      Storage& storage, const SnapshotPaths& paths, const SnapshotPlan& plan,
      const SnapshotStructure& structure, bool header_first = false);
  // Removes the temporary directory unless committed.
  ~StagedSnapshot();
  StagedSnapshot(const StagedSnapshot&) = delete;
  StagedSnapshot& operator=(const StagedSnapshot&) = delete;

  // Leaves the temporary directory to the next launch: somebody may be stuck in
  // writing there.
  void Abandon() { exists_ = false; }

  // What the manifest says besides files, tensors and extents.
  struct Head {
    SnapshotManifest manifest;
    std::vector<SideFile> side_files;
    // Asked when all but the name is there; an error, and it is not given.
    std::function<absl::Status()> may_commit;
  };
  // Writes structure, side files and the manifest, and gives the directory its
  // name; durable on return. `of_ranks`: what each rank has written, synced. On
  // failure no directory of that name appears.
  absl::Status Commit(const std::vector<WrittenSums>& of_ranks, Head head);

 private:
  StagedSnapshot(Storage& storage, const SnapshotPaths& paths,
                 const SnapshotPlan& plan, const SnapshotStructure& structure)
      : storage_(storage),
        paths_(paths),
        plan_(plan),
        files_(FilesOf(plan, structure)) {}
  std::string Path(const std::string& file) const;
  uint64_t Bytes() const;
  absl::Status CheckSpace() const;
  absl::Status MakeFiles(bool header_first);
  absl::Status WriteStructures(SnapshotManifest* manifest);
  absl::Status WriteSideFiles(const std::vector<SideFile>& side_files,
                              SnapshotManifest* manifest);
  absl::Status Rename();

  Storage& storage_;
  const SnapshotPaths paths_;
  const SnapshotPlan& plan_;
  const std::vector<PlannedFile> files_;
  bool exists_ = false;  // the temporary directory
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_STAGED_SNAPSHOT_H_
