#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/names.h"
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

absl::StatusOr<std::unique_ptr<Snapshot>> OpenNewestSnapshot(
    absl::string_view run_dir, std::vector<std::string>* warnings,
    const SnapshotFilter& counts) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                   ListSnapshots(run_dir));
  absl::Status newest_problem;
  for (const std::string& path : paths) {
    absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = Snapshot::Open(path);
    if (snapshot.ok() && counts) {
      const RunState& run = (*snapshot)->run();
      if (!counts(run.generation, run.step)) {
        warnings->push_back(absl::StrCat(
            "snapshot ", path, " is skipped: generation ", run.generation,
            " of the run was abandoned before step ", run.step));
        continue;
      }
    }
    const absl::Status good =
        snapshot.ok() ? (*snapshot)->Verify({}) : snapshot.status();
    if (good.ok()) return snapshot;
    newest_problem.Update(good);
    warnings->push_back(
        absl::StrCat("snapshot ", path, " is skipped: ", good.message()));
  }
  if (newest_problem.ok()) {
    return absl::NotFoundError(
        absl::StrCat(JoinPath(run_dir, kSnapshotsDirectory),
                     ": there is no snapshot (step-*)"));
  }
  return absl::DataLossError(absl::StrCat(
      JoinPath(run_dir, kSnapshotsDirectory), ": none of the ", paths.size(),
      " snapshots can be used; the newest: ", newest_problem.message()));
}

}  // namespace perdure
