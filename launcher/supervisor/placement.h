#ifndef PERDURE_LAUNCHER_SUPERVISOR_PLACEMENT_H_
#define PERDURE_LAUNCHER_SUPERVISOR_PLACEMENT_H_

// On which hosts, with how many ranks and in which layout a generation runs.
// Pure, but for the tables, which the caller may have to ask for.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/control/layout.pb.h"
#include "launcher/supervisor/layout_choice.h"
#include "launcher/supervisor/node_table.h"

namespace perdure {

struct Placement {
  int ranks = 0;
  std::vector<HostSlots> hosts;  // empty: this machine
  // None: as the trainer's own configuration has it.
  std::optional<Layout> layout;
  std::string why;  // of the layout: one line
};

struct PlacementRule {
  int ranks = 1;      // wanted
  int min_ranks = 1;  // with fewer the run waits
};

// A layout for so many ranks and why; none if there is none. An empty layout:
// the trainer is to find one itself.
struct LayoutAnswer {
  std::optional<Layout> layout;
  std::string why;
};
using LayoutSource = std::function<std::optional<LayoutAnswer>(int ranks)>;

// With all ranks that are wanted if the trusted hosts suffice, in the run's own
// layout; else with as many as they have and a layout exists for. None: fewer
// than min_ranks.
std::optional<Placement> ChoosePlacement(const NodeTable& nodes,
                                         const PlacementRule& rule, double now,
                                         const LayoutSource& layouts);

std::string HostsText(const Placement& placement);  // "a:2, b:2"

// The hosts of `placement` that are not among `before`.
std::vector<std::string> Newcomers(const Placement& placement,
                                   const std::vector<HostSlots>& before);

// Steps over which the pace of a run is measured before it is judged whether
// moving pays.
inline constexpr int64_t kStepsToJudge = 5;

// Whether ending a generation in order, to go on with more ranks, gains time.
struct Switch {
  int64_t steps_left = 0;
  double step_seconds = 0;  // now
  double speed_up = 1;      // of a step
  double cost_seconds = 0;  // save, end, start, load
  double gain_seconds() const {
    return static_cast<double>(steps_left) * step_seconds * (1 - 1 / speed_up) -
           cost_seconds;
  }
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_PLACEMENT_H_
