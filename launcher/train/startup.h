#ifndef PERDURE_LAUNCHER_TRAIN_STARTUP_H_
#define PERDURE_LAUNCHER_TRAIN_STARTUP_H_

#include <string>

#include "launcher/train/session.h"
#include "runtime/config/run.pb.h"
#include "runtime/topology/topology.h"

namespace perdure {

// What the start-up table says besides the plan.
struct StartupFacts {
  SessionInfo session;
  std::string device;
  double peak_flops = 0;
  std::string run_dir;
  std::string train_data;
  std::string val_data;  // "" for none
  std::string weights;   // where they come from
  std::string journal;   // "" for one copy, else where they are
};

// The table printed before the first step.
std::string StartupTable(const RunConfig& config, const Topology& topology,
                         const StartupFacts& facts);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_STARTUP_H_
