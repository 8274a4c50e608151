#ifndef PERDURE_CHECKPOINT_SNAPSHOT_RETENTION_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_RETENTION_H_

// Which snapshots stay.

#include <cstdint>
#include <string>
#include <vector>

namespace perdure {

struct RetentionRules {
  int keep_last = 0;   // the newest so many; 0: all
  int keep_every = 0;  // and those whose step is a multiple; 0: none
  std::vector<std::string> pinned;  // and those of these names
};

struct ScoredSnapshot {
  std::string name;
  double score = 0;  // the lower the better
};
// The names of the `count` best ones; of equal ones the newer. NaN is never
// among them.
std::vector<std::string> BestSnapshots(std::vector<ScoredSnapshot> scored,
                                       int count);

// Of the names in a snapshots directory, those to delete, oldest first. Names
// that are no snapshot's are left alone, and so is the step `written` last,
// even where an abandoned launch of the ranks has left higher ones.
std::vector<std::string> SnapshotsToPrune(const std::vector<std::string>& names,
                                          int64_t written,
                                          const RetentionRules& rules);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_RETENTION_H_
