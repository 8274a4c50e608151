#ifndef PERDURE_LAUNCHER_SIMULATE_SIMULATION_TEXT_H_
#define PERDURE_LAUNCHER_SIMULATE_SIMULATION_TEXT_H_

#include <string>
#include <vector>

#include "launcher/simulate/simulation.pb.h"
#include "runtime/base/status.h"

namespace perdure {

// From words: a file of text format, if one is given, and name=value for single
// fields after it. InvalidArgument names what is wrong, unknown fields with the
// nearest names.
absl::StatusOr<Simulation> ReadSimulation(
    const std::vector<std::string>& words);

// Whether its numbers make sense; the first one that does not is named.
absl::Status CheckSimulation(const Simulation& simulation);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SIMULATE_SIMULATION_TEXT_H_
