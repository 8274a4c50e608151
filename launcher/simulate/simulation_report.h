#ifndef PERDURE_LAUNCHER_SIMULATE_SIMULATION_REPORT_H_
#define PERDURE_LAUNCHER_SIMULATE_SIMULATION_REPORT_H_

#include <string>

#include "launcher/simulate/simulation.pb.h"

namespace perdure {

// Simulates and tells: interruptions, where the time went, the best time
// between snapshots and what would help most.
std::string SimulationReport(const Simulation& simulation);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SIMULATE_SIMULATION_REPORT_H_
