#ifndef PERDURE_CHECKPOINT_JOURNAL_COPIES_TRANSFER_H_
#define PERDURE_CHECKPOINT_JOURNAL_COPIES_TRANSFER_H_

// Logs, and parts of them, from rank to rank.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/journal/copies_plan.h"
#include "runtime/comm/communicator.h"

namespace perdure {

absl::Status SendBytes(Communicator& comm, int to, absl::string_view bytes);
absl::StatusOr<std::string> ReceiveBytes(Communicator& comm, int from);

// Collective: makes the moves between the run directories of the ranks, which
// are the plan's nodes. What comes is checked before it gets its name, durably;
// a shorter version of the same log is replaced, another log is put aside as
// gen-G.log.other-N. Every rank gets its own error.
absl::Status MoveLogs(Communicator& nodes, Storage& storage,
                      absl::string_view run_dir,
                      const std::vector<LogMove>& moves);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_COPIES_TRANSFER_H_
