#include "checkpoint/snapshot/snapshots_directory.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/retention.h"
#include "glog/logging.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

absl::Status MoveAway(Storage& storage, const std::string& snapshots,
                      int64_t step) {
  std::string bad;
  for (int attempt = 1; bad.empty() || FileExists(bad); ++attempt) {
    bad = JoinPath(snapshots, BadName(step, attempt));
  }
  return storage.Rename(JoinPath(snapshots, SnapshotName(step)), bad);
}

}  // namespace

absl::Status CleanSnapshotsDirectory(Storage& storage,
                                     absl::string_view run_dir,
                                     int64_t generation) {
  const std::string snapshots = JoinPath(run_dir, kSnapshotsDirectory);
  if (!IsDirectory(snapshots)) {
    RETURN_IF_ERROR(storage.CreateDirectories(snapshots));
    RETURN_IF_ERROR(storage.SyncDirectory(run_dir));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(snapshots));
  for (const std::string& name : names) {
    const std::optional<TemporaryId> id = ParseTemporaryName(name);
    if (IsTrashName(name) || (id.has_value() && id->generation <= generation)) {
      RETURN_IF_ERROR(storage.RemoveTree(JoinPath(snapshots, name)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> KeepExistingSnapshot(Storage& storage,
                                          absl::string_view run_dir,
                                          const RunState& run,
                                          const SnapshotFilter& counts) {
  const std::string snapshots = JoinPath(run_dir, kSnapshotsDirectory);
  const std::string path = JoinPath(snapshots, SnapshotName(run.step));
  if (!FileExists(path)) return false;
  auto snapshot = Snapshot::Open(path);
  const absl::Status good =
      snapshot.ok() ? (*snapshot)->Verify({}) : snapshot.status();
  if (!good.ok()) {
    LOG(WARNING) << path << " is moved out of the way: " << good.message();
    RETURN_IF_ERROR(MoveAway(storage, snapshots, run.step));
    return false;
  }
  if ((*snapshot)->run().run_id != run.run_id) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " is of run ", (*snapshot)->run().run_id, ", this is run ",
        run.run_id, "; use another run directory"));
  }
  const RunState& there = (*snapshot)->run();
  if (counts && !counts(there.generation, there.step)) {
    LOG(WARNING) << path << " is moved out of the way: generation "
                 << there.generation << " was abandoned before that step";
    RETURN_IF_ERROR(MoveAway(storage, snapshots, run.step));
    return false;
  }
  return true;
}

namespace {

// What is kept besides the newest and every so many.
std::vector<std::string> KeptByName(const std::string& snapshots,
                                    const std::vector<std::string>& names,
                                    const SnapshotWriteOptions& options) {
  std::vector<std::string> kept = options.pinned;
  std::vector<ScoredSnapshot> scores;
  for (const std::string& name : names) {
    if (!ParseSnapshotName(name).has_value()) continue;
    const std::string path = JoinPath(snapshots, name);
    if (FileExists(JoinPath(path, kPinnedName))) kept.push_back(name);
    if (options.keep_best == 0) continue;
    const absl::StatusOr<SnapshotManifest> manifest = ReadManifest(path);
    if (!manifest.ok()) continue;
    const ManifestRun& run = manifest->run();
    if (options.best_by_accuracy && run.has_validation_accuracy()) {
      scores.push_back({name, -run.validation_accuracy()});
    } else if (!options.best_by_accuracy && run.has_validation_loss()) {
      scores.push_back({name, run.validation_loss()});
    }
  }
  for (std::string& name :
       BestSnapshots(std::move(scores), options.keep_best)) {
    kept.push_back(std::move(name));
  }
  return kept;
}

}  // namespace

absl::Status PruneSnapshots(Storage& storage,
                            const SnapshotWriteOptions& options,
                            int64_t written) {
  if (options.keep_last <= 0) return absl::OkStatus();
  const std::string snapshots = JoinPath(options.run_dir, kSnapshotsDirectory);
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(snapshots));
  const RetentionRules rules{options.keep_last, options.keep_every,
                             KeptByName(snapshots, names, options)};
  for (const std::string& name : SnapshotsToPrune(names, written, rules)) {
    const std::string trash = JoinPath(snapshots, TrashName(name));
    // First out of sight, so that nobody opens one that is half deleted.
    RETURN_IF_ERROR(storage.Rename(JoinPath(snapshots, name), trash));
    RETURN_IF_ERROR(storage.RemoveTree(trash));
  }
  return absl::OkStatus();
}

}  // namespace perdure
