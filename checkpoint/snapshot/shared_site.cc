#include "checkpoint/snapshot/shared_site.h"

#include <utility>

#include "absl/time/clock.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/results.h"
#include "checkpoint/snapshot/snapshots_directory.h"
#include "runtime/base/file.h"

namespace perdure {

SharedSite::~SharedSite() {
  if (task_ != nullptr && !abandoned_) task_->Take();
}

SnapshotPaths SharedSite::Paths() const {
  if (!options_.paths.name.empty()) return options_.paths;
  return {JoinPath(options_.snapshot.run_dir, kSnapshotsDirectory),
          SnapshotName(run_.step), TemporaryName({run_.step, run_.generation})};
}

std::string SharedSite::Directory() const {
  const SnapshotPaths paths = Paths();
  return JoinPath(paths.parent, paths.temporary);
}

absl::Status SharedSite::Stage(std::shared_ptr<const PreparedSave> prepared,
                               const RunState& run) {
  prepared_ = std::move(prepared);
  run_ = run;
  if (comm_.rank() > 0) return absl::OkStatus();
  if (options_.paths.name.empty()) {
    RETURN_IF_ERROR(CleanSnapshotsDirectory(
        *storage_, options_.snapshot.run_dir, run.generation));
  }
  ASSIGN_OR_RETURN(staged_, StagedSnapshot::Create(
                                *storage_, Paths(), *prepared_->plan,
                                *prepared_->structure, options_.in_order));
  return absl::OkStatus();
}

absl::Status SharedSite::Begin(const absl::Status& written,
                               std::vector<WrittenSums> sums) {
  if (comm_.rank() > 0) return absl::OkStatus();
  if (!written.ok()) {
    task_ = std::make_unique<BackgroundTask<CommitResult>>(
        [storage = storage_, prepared = prepared_, staged = std::move(staged_),
         written]() mutable {
          staged.reset();  // removes the directory
          return CommitResult{written, absl::Now()};
        });
    return absl::OkStatus();
  }
  CommitJob job;
  job.storage = storage_;
  job.plan = prepared_->plan;
  job.structure = prepared_->structure;
  job.staged = std::move(staged_);
  job.options = options_.snapshot;
  job.config_json = options_.config_json;
  job.in_run = options_.paths.name.empty();
  job.run = run_;
  job.of_ranks = std::move(sums);
  task_ = std::make_unique<BackgroundTask<CommitResult>>(
      [job = std::make_shared<CommitJob>(std::move(job))] {
        return job->Run();
      });
  return absl::OkStatus();
}

bool SharedSite::Wait(absl::Duration duration) const {
  return task_ == nullptr || task_->Wait(duration);
}

absl::StatusOr<bool> SharedSite::Next(CommitResult* result) {
  CommitResult mine{absl::OkStatus(), absl::Now()};
  if (task_ != nullptr) mine = task_->Take();
  task_.reset();
  RETURN_IF_ERROR(ShareStatus(comm_, mine.status, &result->status));
  result->time = mine.time;
  return true;
}

void SharedSite::Abandon() {
  abandoned_ = true;
  if (staged_ != nullptr) staged_->Abandon();
}

}  // namespace perdure
