#include "checkpoint/snapshot/restart_attempts.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/names.h"
#include "runtime/base/file.h"

namespace perdure {

std::string RestartAttemptsPath(absl::string_view run_dir, int64_t step) {
  return JoinPath(JoinPath(run_dir, kSnapshotsDirectory), AttemptsName(step));
}

int RestartAttempts(absl::string_view run_dir, int64_t step) {
  const absl::StatusOr<std::string> text =
      ReadFile(RestartAttemptsPath(run_dir, step));
  int attempts = 0;
  if (!text.ok() || !absl::SimpleAtoi(*text, &attempts)) return 0;
  return std::max(attempts, 0);
}

absl::Status CountRestartAttempt(absl::string_view run_dir, int64_t step) {
  // A run whose nodes keep snapshots for themselves may have none there.
  RETURN_IF_ERROR(CreateDirectories(JoinPath(run_dir, kSnapshotsDirectory)));
  return WriteFileAtomically(
      RestartAttemptsPath(run_dir, step),
      absl::StrCat(RestartAttempts(run_dir, step) + 1, "\n"));
}

absl::Status ForgetRestartAttempts(absl::string_view run_dir) {
  const std::string snapshots = JoinPath(run_dir, kSnapshotsDirectory);
  if (!IsDirectory(snapshots)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(snapshots));
  for (const std::string& name : names) {
    if (!ParseAttemptsName(name).has_value()) continue;
    RETURN_IF_ERROR(RemoveTree(JoinPath(snapshots, name)));
  }
  return absl::OkStatus();
}

}  // namespace perdure
