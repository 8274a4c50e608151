#include "launcher/train/failure.h"

#include "absl/strings/str_cat.h"

namespace perdure {

std::string FailureMessage(const absl::Status& status, int rank, int size,
                           const std::string& host) {
  const std::string kind =
      status.code() == absl::StatusCode::kCancelled ? "" : "error ";
  // Communicators say "raise the time-out", but know nothing of the config.
  const std::string field =
      absl::IsDeadlineExceeded(status) ? " (topology.timeout_seconds)" : "";
  if (size <= 1) {
    return absl::StrCat("perdure: ", kind.empty() ? "" : "error: ",
                        status.message(), field, "\n");
  }
  return absl::StrCat("perdure: ", kind, "on rank ", rank, " of ", size, " on ",
                      host, ": ", status.message(), field, "\n");
}

double SecondsBeforeReport(const absl::Status& status, int rank) {
  const bool follows =
      absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  return (rank == 0 ? 0.0 : 0.5) + (follows ? 1.5 : 0.0);
}

}  // namespace perdure
