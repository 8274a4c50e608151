#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_PROBES_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_PROBES_H_

// The losses that a zeroth-order step needs, as a list of tasks: at theta + eps
// z_k, theta - eps z_k, theta. Pure; the same for every topology. Who computes
// which is a matter of the pertp axis alone.

#include <vector>

#include "runtime/config/zeroth_order.pb.h"
#include "runtime/optim/noise.h"
#include "runtime/topology/topology.h"

namespace perdure {

struct Probe {
  int direction = -1;  // -1 where sign is 0
  int sign = 0;        // +1, -1, 0: theta itself
  friend bool operator==(const Probe&, const Probe&) = default;
};

NoiseKind NoiseKindOf(const ZerothOrderConfig& config);

// CENTRAL: 0+ 0- 1+ 1- ...; ONE_SIDED: theta, 0+ 1+ ....
std::vector<Probe> ProbesOf(const ZerothOrderConfig& config);

// The probes of one rank that use one direction: made together.
struct ProbeGroup {
  int direction = -1;
  std::vector<int> signs;  // in the order of the list
};

// Probes `share` of the list, by direction.
std::vector<ProbeGroup> GroupProbes(const std::vector<Probe>& probes,
                                    Range share);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_PROBES_H_
