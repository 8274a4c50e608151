#ifndef PERDURE_PARALLEL_GROUP_PROCESS_GROUPS_H_
#define PERDURE_PARALLEL_GROUP_PROCESS_GROUPS_H_

// The communicators of a rank: one for each way it works together with others.

#include <memory>

#include "runtime/comm/communicator.h"
#include "runtime/topology/topology.h"

namespace perdure {

struct ProcessGroups {
  Topology topology;
  RankCoordinates me;
  Communicator* world = nullptr;     // not owned
  std::unique_ptr<Communicator> tp;  // shards of the same layer
  std::unique_ptr<Communicator> dp;  // replicas of the same shard
  std::unique_ptr<Communicator> pp;  // stages of one replica, in order
  // First and last stage of one pipeline, for weights that both hold; nullptr
  // on the stages between them and where pp is 1.
  std::unique_ptr<Communicator> ends;

  // Ranks that hold the same weights: dp and pertp together. Their losses meet
  // here, and what one replica can do for all is cut among them.
  std::unique_ptr<Communicator> replicas;

  int replica_count() const { return topology.dp() * topology.pertp(); }
  int replica() const { return me.dp * topology.pertp() + me.pertp; }
  bool first_stage() const { return me.pp == 0; }
  bool last_stage() const { return me.pp == topology.pp() - 1; }
};

// Collective over `world`, which must outlive the groups and have
// topology.ranks() ranks.
absl::StatusOr<ProcessGroups> MakeProcessGroups(Communicator& world,
                                                const Topology& topology);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_GROUP_PROCESS_GROUPS_H_
