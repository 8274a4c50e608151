#ifndef PERDURE_CHECKPOINT_JOURNAL_COPIES_PLAN_H_
#define PERDURE_CHECKPOINT_JOURNAL_COPIES_PLAN_H_

// Which node has what of a run's logs, and who gives what to whom so that the
// nodes that hold the journal from now on have all of it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/journal/journal.pb.h"
#include "runtime/base/status.h"

namespace perdure {

// What the logs of a directory are, as its node tells the others. A directory
// without logs offers nothing.
absl::StatusOr<JournalOffer> OfferOf(absl::string_view run_dir,
                                     absl::string_view host);

// A log, or a longer version of one, goes from a node to another.
struct LogMove {
  int64_t generation = 0;
  int from = 0;
  int to = 0;
  uint64_t bytes = 0;     // of the log: its records end there
  uint64_t checksum = 0;  // of the last frame of these
  uint64_t key = 0;       // of its header: which log of that number it is
};

struct CopiesPlan {
  int64_t highest_generation = 0;  // of all names on all nodes
  std::vector<LogMove> moves;      // older generations first
};

// The newest generation that any node has, with its ancestors, is the run; of
// each of its logs the version with the longest undamaged beginning counts, and
// goes to those of `receivers` that have less. Offers are by node; pure.
// FailedPrecondition if the nodes have logs of different runs, or two different
// logs with steps of one generation: two launches that went on separately.
absl::StatusOr<CopiesPlan> PlanCopies(const std::vector<JournalOffer>& offers,
                                      const std::vector<int>& receivers);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_COPIES_PLAN_H_
