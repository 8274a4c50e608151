#ifndef PERDURE_LAUNCHER_TRAIN_LAYOUTS_H_
#define PERDURE_LAUNCHER_TRAIN_LAYOUTS_H_

// Every way to place a run on a number of ranks: what it needs, whether it can
// be, how long a step would take. Pure.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/control/layout.pb.h"
#include "runtime/base/status.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// Ranks, and at most how many of them to a node.
struct LayoutRequest {
  int ranks = 1;
  int ranks_per_node = 1;
};
// "8", "8@4" (eight ranks, four to a node), "8@4,6@4". InvalidArgument names
// the entry.
absl::StatusOr<std::vector<LayoutRequest>> ParseLayoutRequests(
    absl::string_view text);

// All factorisations of the ranks into pp x dp x pertp x tp. `config` is
// resolved; its own degrees do not count. The micro-batch is the run's.
LayoutTable ListLayouts(const RunConfig& config, const LayoutRequest& request,
                        const MachineSpeed& speed);

// `--layouts`: the tables as text format. Speeds are those that the run's
// directory has.
absl::StatusOr<std::string> LayoutsText(const RunConfig& config,
                                        const std::string& requests,
                                        const std::string& run_dir);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_LAYOUTS_H_
