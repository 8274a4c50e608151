#ifndef PERDURE_CHECKPOINT_SNAPSHOT_MANIFEST_BUILDER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_MANIFEST_BUILDER_H_

#include <vector>

#include "checkpoint/format/manifest.pb.h"
#include "checkpoint/snapshot/chunk_writer.h"
#include "checkpoint/snapshot/plan.h"
#include "runtime/base/status.h"

namespace perdure {

// Adds version, tensors and their extents to a manifest that has the run and
// all files with their structure. `of_ranks`: what each rank has written.
// Internal if the result is not sound.
absl::Status FinishManifest(const SnapshotPlan& plan,
                            const std::vector<WrittenSums>& of_ranks,
                            SnapshotManifest* manifest);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_MANIFEST_BUILDER_H_
