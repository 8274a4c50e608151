#ifndef PERDURE_CHECKPOINT_SNAPSHOT_RESULTS_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_RESULTS_H_

// Agreement between ranks at the end of a phase.

#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"

namespace perdure {

// Collective. The texts of all ranks in rank order, or, if any rank has an
// error, that of the lowest such rank with "rank N: " before it, on all ranks.
absl::StatusOr<std::vector<std::string>> ShareResults(
    Communicator& world, const absl::StatusOr<std::string>& mine);

// Collective. *common: OK if all ranks are, else as above. Returns an error
// only if the ranks could not talk.
absl::Status ShareStatus(Communicator& world, const absl::Status& mine,
                         absl::Status* common);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_RESULTS_H_
