#ifndef PERDURE_LAUNCHER_SIMULATE_SIMULATE_H_
#define PERDURE_LAUNCHER_SIMULATE_SIMULATE_H_

// Discrete events on a virtual clock: nodes fail and are repaired, and the
// supervisor's own Policy, NodeTable, ChoosePlacement and Switch decide what
// follows. Pure: the same simulation gives the same outcome.
//
// What is simplified: nodes without ranks do not fail, nor do any while a
// failure is detected; a step takes as much longer as there are fewer ranks;
// hosts are waited for as long as it takes.

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/simulate/simulation.pb.h"

namespace perdure {

// Seconds, which add up to the whole run.
struct TimeSpent {
  // Steps that were kept: as long as they would have taken with all ranks, and
  // how much longer they took with fewer.
  double training = 0, fewer = 0;
  double redone = 0;  // steps that were lost, and half steps
  double snapshots = 0;
  double detecting = 0;
  double restarting = 0;  // and loading, and probing hosts
  double waiting = 0;     // for hosts
  double total() const {
    return training + fewer + redone + snapshots + detecting + restarting +
           waiting;
  }
};

struct Outcome {
  TimeSpent time;
  double interruptions = 0;
  double in_start = 0;       // of them: before the first step
  double hosts_lost = 0;     // of them
  double probes_failed = 0;  // of hosts that were still broken
  double moves = 0;          // in order, to more ranks
  double steps = 0, steps_lost = 0;
  // Runs that the policy ended before their time, and what it said.
  double given_up = 0;
  std::string why;
  // Effective training time ratio.
  double effective() const { return time.training / time.total(); }
};

// Trial `trial` of the simulation, which is valid.
Outcome SimulateOnce(const Simulation& simulation, int trial);
// The mean of all its trials; `why` is that of the first one given up.
Outcome Simulate(const Simulation& simulation);

// Seconds between two failures of the run on all its nodes.
double RunMtbf(const Simulation& simulation);
// The best time between two snapshots by Young (1974), sqrt(2 C M), and by Daly
// (2006, equation 37), in seconds.
double YoungInterval(const Simulation& simulation);
double DalyInterval(const Simulation& simulation);
// What time between snapshots gives what effective ratio, from short to long,
// around Young's.
struct IntervalPoint {
  double seconds = 0, effective = 0;
};
std::vector<IntervalPoint> SweepIntervals(const Simulation& simulation);
// The one with the largest ratio; `points` is not empty.
IntervalPoint BestOf(const std::vector<IntervalPoint>& points);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SIMULATE_SIMULATE_H_
