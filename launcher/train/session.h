#ifndef PERDURE_LAUNCHER_TRAIN_SESSION_H_
#define PERDURE_LAUNCHER_TRAIN_SESSION_H_

// One process of a job: starts MPI, runs the body, ends all ranks alike.

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"
#include "runtime/progress/progress.h"

namespace perdure {

struct SessionInfo {
  std::string host;
  std::string mpi_version;
  // Where this rank shows what it is doing; nullptr if nobody watches.
  ProgressBoard* progress = nullptr;
  // Of the launch: 1 without perdure-launch.
  int64_t launch_generation = 1;
};

// Reports a failure found before MPI starts (flags, config): every rank finds
// the same, rank 0 says it. Returns the exit code.
int ReportEarlyFailure(const absl::Status& status);

// Starts MPI, checks that it is the one that launched this process, runs
// body(world), and returns the exit code for main(). An error on any rank ends
// the job: this rank prints its message and aborts with the status's exit code.
// Cancelled (stopped after saving, agreed on by all ranks) ends it in order.
int RunSession(absl::Duration timeout,
               const std::function<absl::Status(
                   Communicator& world, const SessionInfo& info)>& body);

// Ranks that the launcher of this process started, known without MPI.
int LaunchedRanks();

// Runs fn on rank 0 and gives its result, or its error, to all ranks.
absl::StatusOr<std::string> OnRankZero(
    Communicator& world,
    const std::function<absl::StatusOr<std::string>()>& fn);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_SESSION_H_
