#ifndef PERDURE_RUNTIME_BASE_STATUS_H_
#define PERDURE_RUNTIME_BASE_STATUS_H_

// Errors are absl::Status; the code says what the caller is to do:
//   InvalidArgument   fix the configuration or the command line   exit 2
//   NotFound          a named file or tensor is missing            exit 3
//   FailedPrecondition  the data or the directory is not usable    exit 3
//   ResourceExhausted memory is short                              exit 4
//   Unavailable       a peer is gone: restart                      exit 5
//   DeadlineExceeded  a peer does not answer: end this process     exit 5
//   OutOfRange        NaN, Inf or a spiking loss                   exit 6
//   DataLoss          stored bytes are damaged: use an older copy  exit 7
//   Aborted           storage refused (disk full, write error)     exit 7
//   AlreadyExists     a newer launch of this run took over         exit 76
//   Cancelled         stopped after saving, on a signal            exit 143
//   Unknown           a machine computes wrongly: leave it out     exit 8
//   Internal          a bug in Perdure                             exit 1
// A message says what, where (file:key, rank@host, group and operation), the
// value, and the remedy.

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perdure {

// The process exit code for `status`; 0 for OK.
int ExitCode(const absl::Status& status);

// `status` with "context: " put before its message; OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// An error from errno: ENOSPC/EDQUOT/EIO -> Aborted, ENOENT -> NotFound, others
// FailedPrecondition. The message names the operation, the path and errno.
absl::Status ErrnoStatus(absl::string_view operation, absl::string_view path,
                         int error_number);

}  // namespace perdure

#define PERDURE_STATUS_CONCAT_INNER(a, b) a##b
#define PERDURE_STATUS_CONCAT(a, b) PERDURE_STATUS_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expression` is not OK.
#define RETURN_IF_ERROR(expression)                                         \
  do {                                                                      \
    if (absl::Status perdure_status = (expression); !perdure_status.ok()) { \
      return perdure_status;                                                \
    }                                                                       \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()) assigns F()'s value, or returns its error.
#define ASSIGN_OR_RETURN(declaration, expression)                       \
  PERDURE_ASSIGN_OR_RETURN(                                             \
      PERDURE_STATUS_CONCAT(perdure_status_or_, __LINE__), declaration, \
      expression)
#define PERDURE_ASSIGN_OR_RETURN(temporary, declaration, expression) \
  auto temporary = (expression);                                     \
  if (!temporary.ok()) return temporary.status();                    \
  declaration = std::move(temporary).value()

#endif  // PERDURE_RUNTIME_BASE_STATUS_H_
