#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_PROBE_TASKS_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_PROBE_TASKS_H_

// The probe grid of a step (direction x sign x micro-batch) cut into parts that
// any rank can compute. Pure.

#include <vector>

#include "parallel/zeroth_order/probes.h"
#include "runtime/topology/topology.h"

namespace perdure {

// Some probes, neighbours in ProbesOf, on some micro-batches of the step.
struct ProbePart {
  Range probes;
  Range micro_batches;
  friend bool operator==(const ProbePart&, const ProbePart&) = default;
};

// A rank's part cut into tasks: by direction, whose probes are made together,
// then its micro-batches into at most `pieces`. Empty for an empty part.
std::vector<ProbePart> CutPart(const std::vector<Probe>& probes,
                               const ProbePart& part, int pieces);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_PROBE_TASKS_H_
