#ifndef PERDURE_LAUNCHER_TRAIN_TRAIN_RUN_H_
#define PERDURE_LAUNCHER_TRAIN_TRAIN_RUN_H_

// The train loop: from a configuration to a trained, saved model.

#include <functional>

#include "launcher/train/fault_injection.h"
#include "launcher/train/session.h"
#include "launcher/train/trainer_flags.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// What differs between a program under mpirun and a test with threads as ranks.
struct TrainEnvironment {
  SessionInfo session;
  bool terminal = false;             // draw a progress bar
  bool quiet = false;                // print nothing
  std::function<int()> stop_signal;  // 0, or the signal that came
  std::function<void()> saved;       // what SIGUSR2 asked for is done
  std::vector<PlannedFault> faults;
};

// Collective over `world`. `config` as read (see ReadRunConfig). Cancelled: a
// stop signal came and the state was saved.
absl::Status TrainRun(Communicator& world, const TrainerFlags& flags,
                      const RunConfig& config,
                      const TrainEnvironment& environment);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_TRAIN_RUN_H_
