#ifndef PERDURE_CHECKPOINT_SNAPSHOT_COMMIT_JOB_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_COMMIT_JOB_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/chunk_writer.h"
#include "checkpoint/snapshot/snapshot.h"
#include "checkpoint/snapshot/staged_snapshot.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

struct CommitResult {
  absl::Status status;
  absl::Time time;  // when it was decided
};

// What rank 0 does when all ranks have written and synced their parts: the
// snapshot gets its name, and old ones go. Owns all that it uses, so that it
// can run on a thread of its own.
struct CommitJob {
  std::shared_ptr<Storage> storage;
  std::shared_ptr<const SnapshotPlan> plan;
  std::shared_ptr<const SnapshotStructure> structure;
  std::shared_ptr<StagedSnapshot> staged;
  SnapshotWriteOptions options;
  std::string config_json;  // "" to make it from the model
  bool in_run = true;       // among others; false: a directory of its own
  RunState run;
  std::vector<WrittenSums> of_ranks;

  // Once. If it fails nothing of the snapshot is left.
  CommitResult Run();

 private:
  absl::Status Commit();
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_COMMIT_JOB_H_
