#include "checkpoint/snapshot/nodes.h"

#include <unistd.h>

#include <algorithm>
#include <map>

namespace perdure {

std::string NodeName(absl::string_view name) {
  if (!name.empty()) return std::string(name);
  char machine[256] = {};
  return gethostname(machine, sizeof(machine) - 1) == 0 ? machine : "localhost";
}

absl::StatusOr<std::vector<size_t>> NodesOfRanks(Communicator& comm,
                                                 absl::string_view name) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   AllGatherStrings(comm, NodeName(name)));
  std::map<std::string, size_t> numbers;
  std::vector<size_t> node_of_rank;
  for (const std::string& node : names) {
    node_of_rank.push_back(numbers.emplace(node, numbers.size()).first->second);
  }
  return node_of_rank;
}

bool LeadsNode(const std::vector<size_t>& node_of_rank, int rank) {
  const auto mine = node_of_rank.begin() + rank;
  return std::find(node_of_rank.begin(), mine, *mine) == mine;
}

std::vector<std::vector<int>> RanksOfNodes(
    const std::vector<size_t>& node_of_rank) {
  std::vector<std::vector<int>> ranks;
  for (size_t rank = 0; rank < node_of_rank.size(); ++rank) {
    const size_t node = node_of_rank[rank];
    if (ranks.size() <= node) ranks.resize(node + 1);
    ranks[node].push_back(static_cast<int>(rank));
  }
  return ranks;
}

}  // namespace perdure
