#ifndef PERDURE_CHECKPOINT_SNAPSHOT_STATE_LOADER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_STATE_LOADER_H_

// Reading state together: the ranks of a node read disjoint long runs of what
// the node needs, check them, and take their parts out of each other's memory.
// So what all need is read once, and what one needs many read.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/format/block_file.h"
#include "checkpoint/snapshot/node_exchange.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"

namespace perdure {

// Collective over `node`, whose ranks can share memory. `fetches`: this rank's
// wishes, by file. `elsewhere`: brings what other nodes hold, and then it is
// collective over all nodes; nullptr: all files are here. Fills in *report but
// for the seconds. *found: what was wrong with this rank's reading, DataLoss
// for damage; what others took of it is then worth nothing, so all ranks must
// hear of it. Returns an error only if the ranks cannot go on together.
absl::Status LoadTogether(Communicator& node,
                          const std::vector<BlockFile>& files,
                          const std::vector<std::vector<Fetch>>& fetches,
                          NodeExchange* elsewhere, LoadReport* report,
                          Findings* found);

// Collective over `world`: the ranks of one name, as a group.
absl::StatusOr<std::unique_ptr<Communicator>> SplitByNode(
    Communicator& world, absl::string_view name);

// The requests that the options leave. InvalidArgument for a pattern that
// matches none, with the nearest names.
absl::StatusOr<std::vector<StateRequest>> SelectRequests(
    const std::vector<StateRequest>& requests, const LoadOptions& options);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_STATE_LOADER_H_
