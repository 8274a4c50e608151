#ifndef PERDURE_LAUNCHER_TRAIN_PROGRAM_H_
#define PERDURE_LAUNCHER_TRAIN_PROGRAM_H_

// What the mains of the trainers have in common.

#include <functional>
#include <optional>

#include "launcher/train/session.h"
#include "launcher/train/train_run.h"
#include "launcher/train/trainer_flags.h"

namespace perdure {

// Starts logging, sets the flags that the program defines by gflags, and puts
// the --set overrides and the command line into `flags`. An exit code if that
// is all: after --help and --version, and after a message about a wrong flag.
std::optional<int> BeginProgram(int argc, char** argv, TrainerFlags* flags);

// `--plan` and `--layouts`: prints them, without MPI. Otherwise runs
// body(world, info, config) in an MPI session. Returns the exit code.
int RunProgram(const TrainerFlags& flags,
               const std::function<
                   absl::Status(Communicator& world, const SessionInfo& info,
                                const RunConfig& config)>& body);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_PROGRAM_H_
