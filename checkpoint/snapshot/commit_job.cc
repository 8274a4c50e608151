#include "checkpoint/snapshot/commit_job.h"

#include <utility>

#include "absl/time/clock.h"
#include "checkpoint/snapshot/commit_content.h"
#include "checkpoint/snapshot/snapshots_directory.h"
#include "glog/logging.h"

namespace perdure {
absl::Status CommitJob::Commit() {
  if (in_run) {
    ASSIGN_OR_RETURN(
        const bool kept,
        KeepExistingSnapshot(*storage, options.run_dir, run, options.counts));
    if (kept) return absl::OkStatus();
  }
  StagedSnapshot::Head head;
  head.manifest = BeginManifest(options, run);
  head.may_commit = options.may_commit;
  ASSIGN_OR_RETURN(head.side_files, ReadSideFiles(options, *plan, config_json));
  return staged->Commit(of_ranks, std::move(head));
}

CommitResult CommitJob::Run() {
  CommitResult result{Commit(), absl::Now()};
  staged.reset();  // removes what has no name
  const bool prune = result.status.ok() && in_run &&
                     (!options.may_commit || options.may_commit().ok());
  if (!prune) return result;
  // The snapshot is safe; old ones that stay too long are no failure.
  const absl::Status pruned = PruneSnapshots(*storage, options, run.step);
  if (!pruned.ok()) LOG(WARNING) << "old snapshots stay: " << pruned.message();
  return result;
}

}  // namespace perdure
