#ifndef PERDURE_LAUNCHER_TRAIN_SKIPS_H_
#define PERDURE_LAUNCHER_TRAIN_SKIPS_H_

// Sequences that a run leaves out: those that its config names, and those whose
// losses made it go back. Pure: the same on all ranks, and after a resume.

#include <cstdint>
#include <vector>

#include "checkpoint/journal/journal.pb.h"
#include "runtime/config/resilience.pb.h"
#include "runtime/topology/topology.h"

namespace perdure {

class Skips {
 public:
  Skips() = default;
  explicit Skips(const ResilienceConfig& config);

  // In the run's order; what was there stays.
  void Add(const JournalRollback& rollback);
  const std::vector<JournalRollback>& rollbacks() const { return rollbacks_; }

  // Where the next batch of `batch` samples begins: at `samples`, or behind
  // whatever it would have of what is left out.
  int64_t NextBatch(int64_t samples, int64_t batch) const;

 private:
  std::vector<Range> ranges_;
  std::vector<JournalRollback> rollbacks_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_SKIPS_H_
