#ifndef PERDURE_CHECKPOINT_SNAPSHOT_RESTART_ATTEMPTS_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_RESTART_ATTEMPTS_H_

// How often a launch of the ranks started from a snapshot and did not finish a
// step. One that loads and verifies but crashes every launch would otherwise be
// tried for ever; see SnapshotSearch.quarantine_after. Rank 0's to call.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// The file that holds the count; it is not there before the first attempt.
std::string RestartAttemptsPath(absl::string_view run_dir, int64_t step);
// 0 also for a file that is damaged.
int RestartAttempts(absl::string_view run_dir, int64_t step);
// Before the snapshot of `step` is loaded; durable on return.
absl::Status CountRestartAttempt(absl::string_view run_dir, int64_t step);
// After the first finished step: forgets all counts.
absl::Status ForgetRestartAttempts(absl::string_view run_dir);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_RESTART_ATTEMPTS_H_
