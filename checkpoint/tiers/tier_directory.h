#ifndef PERDURE_CHECKPOINT_TIERS_TIER_DIRECTORY_H_
#define PERDURE_CHECKPOINT_TIERS_TIER_DIRECTORY_H_

// Where snapshots live: in the run directory, which all nodes share; or each
// node's part on its own disk; or in its own memory and its neighbour's.

#include <string>

#include "absl/strings/string_view.h"
#include "checkpoint/format/storage.h"
#include "runtime/base/status.h"

namespace perdure {

// The faster to read comes first.
enum class SnapshotTier { kMemory, kLocal };
const char* TierName(SnapshotTier tier);  // "memory", "local"

// The directory of a run's snapshots in a tier, on one node:
// ROOT/perdure-UID-KEY/NODE, where KEY is of the run directory's path. It is to
// snapshots what a run directory is: they are in its "snapshots". Nodes that
// share ROOT after all do not meet.
std::string TierDirectory(absl::string_view root, absl::string_view run_dir,
                          absl::string_view node);

// Removes such a directory with all that is in it, and the run's above it if no
// other node is in there. Nothing of other runs is touched.
absl::Status RemoveTierDirectory(Storage& storage,
                                 const std::string& directory);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_TIERS_TIER_DIRECTORY_H_
