#include "checkpoint/snapshot/commit_job.h"

#include <utility>

#include "absl/time/clock.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshots_directory.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

absl::StatusOr<std::vector<SideFile>> ReadSideFiles(const CommitJob& job) {
  std::vector<SideFile> files;
  files.emplace_back(kConfigName, job.config_json.empty()
                                      ? ModelConfigToHf(job.options.model,
                                                        job.plan->torch_dtype)
                                      : job.config_json);
  const std::string& directory = job.options.tokenizer_dir;
  if (directory.empty()) return files;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(directory));
  for (const std::string& name : names) {
    if (!IsTokenizerFile(name)) continue;
    ASSIGN_OR_RETURN(std::string text, ReadFile(JoinPath(directory, name)));
    files.emplace_back(name, std::move(text));
  }
  return files;
}

}  // namespace

absl::Status CommitJob::Commit() {
  if (in_run) {
    ASSIGN_OR_RETURN(
        const bool kept,
        KeepExistingSnapshot(*storage, options.run_dir, run, options.counts));
    if (kept) return absl::OkStatus();
  }
  StagedSnapshot::Head head;
  *head.manifest.mutable_run() = ToManifest(run);
  *head.manifest.mutable_model() = options.model;
  head.manifest.mutable_model()->clear_init_from();  // it stands alone
  head.may_commit = options.may_commit;
  ASSIGN_OR_RETURN(head.side_files, ReadSideFiles(*this));
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
