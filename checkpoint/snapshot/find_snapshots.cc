#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/restart_attempts.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/file.h"

namespace perdure {

absl::StatusOr<std::vector<std::string>> ListSnapshots(
    absl::string_view run_dir) {
  const std::string snapshots = JoinPath(run_dir, kSnapshotsDirectory);
  std::vector<std::string> paths;
  if (!IsDirectory(snapshots)) return paths;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(snapshots));
  std::map<int64_t, std::string, std::greater<>> by_step;
  for (const std::string& name : names) {
    const std::optional<int64_t> step = ParseSnapshotName(name);
    if (step.has_value()) by_step.emplace(*step, JoinPath(snapshots, name));
  }
  for (auto& [step, path] : by_step) paths.push_back(std::move(path));
  return paths;
}

namespace {

// Why a snapshot is not to be used; OK: it is.
absl::Status Judge(const absl::StatusOr<std::unique_ptr<Snapshot>>& snapshot,
                   absl::string_view run_dir, int quarantine_after) {
  RETURN_IF_ERROR(snapshot.status());
  const int64_t step = (*snapshot)->run().step;
  const int attempts = RestartAttempts(run_dir, step);
  if (quarantine_after == 0 || attempts < quarantine_after) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      "in quarantine: ", attempts,
      " launches in a row started from it and did not finish a step; to try it "
      "again remove ",
      RestartAttemptsPath(run_dir, step)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Snapshot>> OpenNewestSnapshot(
    absl::string_view run_dir, std::vector<std::string>* warnings,
    const SnapshotSearch& search) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                   ListSnapshots(run_dir));
  absl::Status newest_problem;
  int counted = 0;
  for (const std::string& path : paths) {
    if (*ParseSnapshotName(path.substr(path.rfind('/') + 1)) >=
        search.below_step) {
      continue;
    }
    absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = Snapshot::Open(path);
    if (snapshot.ok() && search.counts) {
      const RunState& run = (*snapshot)->run();
      if (!search.counts(run.generation, run.step)) {
        warnings->push_back(absl::StrCat(
            "snapshot ", path, " is skipped: generation ", run.generation,
            " of the run was abandoned before step ", run.step));
        continue;
      }
    }
    ++counted;
    const absl::Status good = Judge(snapshot, run_dir, search.quarantine_after);
    if (good.ok()) return snapshot;
    newest_problem.Update(good);
    warnings->push_back(
        absl::StrCat("snapshot ", path, " is skipped: ", good.message()));
  }
  const std::string snapshots = JoinPath(run_dir, kSnapshotsDirectory);
  if (newest_problem.ok()) {
    return absl::NotFoundError(
        absl::StrCat(snapshots, ": there is no snapshot (step-*)",
                     search.below_step == INT64_MAX
                         ? ""
                         : absl::StrCat(" before step ", search.below_step)));
  }
  return absl::DataLossError(absl::StrCat(
      snapshots, ": none of the ", counted,
      " snapshots can be used; the newest: ", newest_problem.message()));
}

}  // namespace perdure
