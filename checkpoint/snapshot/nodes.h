#ifndef PERDURE_CHECKPOINT_SNAPSHOT_NODES_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_NODES_H_

// Which ranks are on one node: those that give the same name.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"

namespace perdure {

// `name`, or this machine's if it is "".
std::string NodeName(absl::string_view name);

// Collective: the node of every rank, numbered from 0 in the order of their
// first ranks.
absl::StatusOr<std::vector<size_t>> NodesOfRanks(Communicator& comm,
                                                 absl::string_view name);

// Whether a rank is the first of its node.
bool LeadsNode(const std::vector<size_t>& node_of_rank, int rank);

// By node: its ranks, ascending.
std::vector<std::vector<int>> RanksOfNodes(
    const std::vector<size_t>& node_of_rank);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_NODES_H_
