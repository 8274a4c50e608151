#ifndef PERDURE_LAUNCHER_TRAIN_RESUME_CHOICE_H_
#define PERDURE_LAUNCHER_TRAIN_RESUME_CHOICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/journal/journal.h"
#include "launcher/train/run_journal.h"
#include "runtime/base/status.h"

namespace perdure {

// Which snapshot a run goes on from.
struct ResumeChoice {
  int64_t step = 0;       // 0: from the initial weights
  std::string directory;  // in the run directory; "" if none of these
  int of_nodes = -1;      // of the complete ones of search.nodes
};

// Rank 0's. The newest of the run's lineage that is not in quarantine; of one
// step that of the nodes' memory, then of their disks, then of the run
// directory. Newer ones that are left out have a warning each. DataLoss where
// there are snapshots and none can be used, unless the journal alone will do;
// FailedPrecondition if snapshot and journal are of different runs.
absl::StatusOr<ResumeChoice> ChooseSnapshot(const std::string& run_dir,
                                            const ResumeSearch& search,
                                            const Journal& journal,
                                            std::vector<std::string>* warnings);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_RESUME_CHOICE_H_
