#ifndef PERDURE_LAUNCHER_TRAIN_PROGRAM_H_
#define PERDURE_LAUNCHER_TRAIN_PROGRAM_H_

// What the mains of the trainers have in common.

#include <functional>
#include <string>

#include "launcher/train/session.h"
#include "launcher/train/train_run.h"
#include "launcher/train/trainer_flags.h"

namespace perdure {

// Before gflags parses: starts logging, takes the --set overrides out of argv
// and remembers the command line.
TrainerFlags BeginProgram(int* argc, char*** argv);

// `--plan` and `--config` alone, without MPI: prints the plan, or runs
// body(world, info, config) in an MPI session. Returns the exit code.
int RunProgram(const TrainerFlags& flags,
               const std::function<
                   absl::Status(Communicator& world, const SessionInfo& info,
                                const RunConfig& config)>& body);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_PROGRAM_H_
