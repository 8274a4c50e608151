#ifndef PERDURE_CHECKPOINT_JOURNAL_LINEAGE_H_
#define PERDURE_CHECKPOINT_JOURNAL_LINEAGE_H_

// Which parts of which generations are the run. The newest generation goes on
// from its parent at a certain step, that one from its own, and so on; what
// else a generation wrote, before or after the next one began, does not count.
// So a launch of the ranks that was given up, and comes back, does no harm.
// Pure.

#include <cstdint>
#include <limits>
#include <vector>

#include "checkpoint/journal/journal.pb.h"
#include "checkpoint/journal/scan.h"
#include "runtime/base/status.h"

namespace perdure {

inline constexpr int64_t kNoStep = std::numeric_limits<int64_t>::max();
inline constexpr uint64_t kNoBytes = std::numeric_limits<uint64_t>::max();

// A generation of the run, and what of it counts.
struct LineageLink {
  int64_t generation = 0;
  int64_t first_step = 0;       // it forks behind this step
  int64_t last_step = kNoStep;  // where its child forks
  uint64_t bytes = kNoBytes;    // of its log, up to there
  uint64_t checksum = 0;        // of the last frame of these
};

class Lineage {
 public:
  Lineage() = default;
  // `headers` are those of all whole logs, in any order. DataLoss if the
  // newest generation's ancestors are of another run.
  static absl::StatusOr<Lineage> Of(const std::vector<JournalHeader>& headers);

  bool empty() const { return links_.empty(); }
  // Newest first.
  const std::vector<LineageLink>& links() const { return links_; }
  // Of a parent whose log is gone (or is older than journals are): up to which
  // step it and its own ancestors count. Generation 0: there is none.
  int64_t unknown_generation() const { return unknown_generation_; }
  int64_t unknown_last_step() const { return unknown_last_step_; }

  // Whether a snapshot that `generation` took after `step` is one of the run.
  // Without any log all are.
  bool Allows(int64_t generation, int64_t step) const;
  // The newest generation whose log has, or ends at, the step.
  const LineageLink* LinkOf(int64_t step) const;

 private:
  std::vector<LineageLink> links_;
  int64_t unknown_generation_ = 0;
  int64_t unknown_last_step_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_LINEAGE_H_
