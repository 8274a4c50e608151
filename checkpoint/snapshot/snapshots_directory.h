#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOTS_DIRECTORY_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOTS_DIRECTORY_H_

// Housekeeping in <run_dir>/snapshots: rank 0's, before and after a write.

#include <string>

#include "absl/strings/string_view.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

// Makes the directory if it is not there and removes what dead runs left:
// trash, and temporary directories of this generation or older ones (a younger
// one may be alive, and this process the one that was given up).
absl::Status CleanSnapshotsDirectory(Storage& storage,
                                     absl::string_view run_dir,
                                     int64_t generation);

// True if the step's snapshot is there already, counts, and every byte of it is
// good. Another one is moved out of the way as bad-step-*. FailedPrecondition
// if it is another run's.
absl::StatusOr<bool> KeepExistingSnapshot(Storage& storage,
                                          absl::string_view run_dir,
                                          const RunState& run,
                                          const SnapshotFilter& counts);

// Deletes the snapshots that the rules do not keep; never that of `written`.
absl::Status PruneSnapshots(Storage& storage,
                            const SnapshotWriteOptions& options,
                            int64_t written);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOTS_DIRECTORY_H_
