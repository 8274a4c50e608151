#include "parallel/group/process_groups.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace perdure {

absl::StatusOr<ProcessGroups> MakeProcessGroups(Communicator& world,
                                                const Topology& topology) {
  CHECK_EQ(world.size(), topology.ranks());
  ProcessGroups groups;
  groups.topology = topology;
  groups.me = topology.CoordinatesOf(world.rank());
  groups.world = &world;
  const auto split = [&](absl::string_view name,
                         const std::vector<Axis>& axes) {
    const int color = topology.GroupIndex(world.rank(), axes);
    return world.Split(color, world.rank(),
                       absl::StrCat(name, "[", color, "]"));
  };
  ASSIGN_OR_RETURN(groups.tp, split("tp", {Axis::kTensor}));
  ASSIGN_OR_RETURN(groups.dp, split("dp", {Axis::kData}));
  ASSIGN_OR_RETURN(groups.pp, split("pp", {Axis::kPipeline}));
  ASSIGN_OR_RETURN(groups.replicas,
                   split("replicas", {Axis::kData, Axis::kPerturbation}));
  if (topology.pp() > 1) {
    // Every rank takes part in the split; those in the middle get groups that
    // nobody uses.
    const int pipeline = topology.GroupIndex(world.rank(), {Axis::kPipeline});
    const bool at_end = groups.first_stage() || groups.last_stage();
    ASSIGN_OR_RETURN(
        std::unique_ptr<Communicator> ends,
        world.Split(at_end ? pipeline : topology.ranks() + pipeline,
                    world.rank(), absl::StrCat("ends[", pipeline, "]")));
    if (at_end) groups.ends = std::move(ends);
  }
  return groups;
}

}  // namespace perdure
