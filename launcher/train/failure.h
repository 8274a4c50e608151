#ifndef PERDURE_LAUNCHER_TRAIN_FAILURE_H_
#define PERDURE_LAUNCHER_TRAIN_FAILURE_H_

// How a run ends when something is wrong: one message, every rank gone, the
// documented exit code.

#include <string>

#include "runtime/base/status.h"

namespace perdure {

// "perdure: error on rank 3 of 4 on host-a: CAUSE", or "perdure: error: CAUSE"
// of a single rank; without "error" if the run was stopped. Several lines stay
// several lines.
std::string FailureMessage(const absl::Status& status, int rank, int size,
                           const std::string& host);

// Seconds to wait before speaking up, so that the first cause is what is read:
// rank 0 speaks at once, the others a little later (an error that all ranks
// share is then said once), errors that only follow from another rank's
// (Unavailable, DeadlineExceeded) later still. By then the job is usually gone.
double SecondsBeforeReport(const absl::Status& status, int rank);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_FAILURE_H_
