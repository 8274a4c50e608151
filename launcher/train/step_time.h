#ifndef PERDURE_LAUNCHER_TRAIN_STEP_TIME_H_
#define PERDURE_LAUNCHER_TRAIN_STEP_TIME_H_

// How long a step will take on a layout that nobody has tried. A model of three
// sums: arithmetic of the slowest rank (with the bubble of a pipeline), or of
// all ranks of a node that share its cores, at the measured rate of matrix
// products; parameters moved or perturbed at the measured rates; messages at
// the measured latency and bandwidth. It leaves out what is the same on every
// layout. Good for putting layouts in order: docs/planner.md compares it with
// real runs. Pure.

#include "launcher/control/layout.pb.h"
#include "runtime/config/run.pb.h"
#include "runtime/topology/topology.h"

namespace perdure {

struct StepTime {
  double compute = 0;  // seconds
  double memory = 0;
  double links = 0;
  double total() const { return compute + memory + links; }
};

// `config` is resolved and fits the topology. Ranks lie on nodes in order,
// `ranks_per_node` on each.
StepTime ModelStepTime(const RunConfig& config, const Topology& topology,
                       int ranks_per_node, const MachineSpeed& speed);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_STEP_TIME_H_
