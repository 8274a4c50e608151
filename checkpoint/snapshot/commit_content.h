#ifndef PERDURE_CHECKPOINT_SNAPSHOT_COMMIT_CONTENT_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_COMMIT_CONTENT_H_

// What of a snapshot is no tensor and differs from save to save.

#include <string>
#include <utility>
#include <vector>

#include "checkpoint/format/manifest.pb.h"
#include "checkpoint/snapshot/plan.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

// A small file that goes along: name and content.
using SideFile = std::pair<std::string, std::string>;

// config.json (`config_json`, or made from the model) and the tokenizer's
// files.
absl::StatusOr<std::vector<SideFile>> ReadSideFiles(
    const SnapshotWriteOptions& options, const SnapshotPlan& plan,
    const std::string& config_json);

// A manifest with run and model.
SnapshotManifest BeginManifest(const SnapshotWriteOptions& options,
                               const RunState& run);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_COMMIT_CONTENT_H_
