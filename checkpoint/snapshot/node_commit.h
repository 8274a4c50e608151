#ifndef PERDURE_CHECKPOINT_SNAPSHOT_NODE_COMMIT_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_NODE_COMMIT_H_

// What is done in the directories of nodes that have each one of their own.
// None of it communicates. Functions own or copy nothing: callers on threads
// keep the arguments alive.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/chunk_writer.h"
#include "checkpoint/snapshot/prepared_save.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

// Makes <run_dir>/snapshots ready for a save of `run`: what dead launches left,
// snapshots of other runs, and those of older generations above the step from
// which this one goes on are removed, because space here is scarce. Nothing of
// a newer generation is touched.
absl::Status CleanNodeDirectory(Storage& storage, absl::string_view run_dir,
                                const RunState& run);

// Makes `directory` with the files of these nodes at their full size. Aborted
// if there is too little space.
absl::Status MakeNodeFiles(Storage& storage, const std::string& directory,
                           const PreparedSave& prepared,
                           const std::vector<size_t>& nodes);

// Rank 0: the NodeCommit message of a save that all ranks have written.
absl::StatusOr<std::string> EncodeNodeCommit(
    const SnapshotWriteOptions& options, const PreparedSave& prepared,
    const RunState& run, const std::vector<WrittenSums>& of_ranks);

// Completes a directory with it: structure of the nodes' files, small files,
// manifest; durable on return. The file of the node `check` (< 0: none), whose
// bytes came by network, is read and checked.
absl::Status InstallNodeCommit(Storage& storage, const std::string& directory,
                               const PreparedSave& prepared,
                               const std::vector<size_t>& nodes, int64_t check,
                               absl::string_view message);

// Gives a directory below <run_dir>/snapshots the name of its step, in the
// place of one that has it, and prunes.
absl::Status NameNodeDirectory(Storage& storage, const std::string& directory,
                               const SnapshotWriteOptions& options,
                               int64_t step);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_NODE_COMMIT_H_
