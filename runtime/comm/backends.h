#ifndef PERDURE_RUNTIME_COMM_BACKENDS_H_
#define PERDURE_RUNTIME_COMM_BACKENDS_H_

// Where world communicators come from.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/communicator.h"
#include "runtime/progress/progress.h"

namespace perdure {

// One rank, nobody to talk to.
std::unique_ptr<Communicator> MakeLoopbackCommunicator();

// Runs body(world) on `ranks` threads of this process, each as a rank, and
// returns the rank's statuses in order. When a rank returns an error or the
// time-out passes in a call, the calls of the others fail with Unavailable (or
// DeadlineExceeded), so that no rank hangs.
std::vector<absl::Status> RunThreadRanks(
    int ranks, absl::Duration timeout,
    const std::function<absl::Status(Communicator& world)>& body);

// MPI's life in this process. Initialise before any other thread exists and
// before large allocations (it sets OpenMPI's shared-memory tunables unless the
// user set them). MPI_THREAD_FUNNELED: only the initialising thread calls MPI.
class MpiSession {
 public:
  // Unavailable with the cause if MPI cannot start.
  static absl::StatusOr<std::unique_ptr<MpiSession>> Start();
  virtual ~MpiSession() = default;

  // `progress`, if given, outlives the communicator and all that are split from
  // it; it is told what this rank waits in.
  virtual std::unique_ptr<Communicator> World(
      absl::Duration timeout, ProgressBoard* progress = nullptr) = 0;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string host() const = 0;
  virtual std::string version() const = 0;
  // Ends MPI after a run in which every rank got here. Destroying the session
  // without this (after an error) does not call MPI_Finalize: that would hang.
  virtual void Finish() = 0;
  // Ends all ranks of the job with `exit_code` (never 0: 0 becomes 1).
  [[noreturn]] virtual void Abort(int exit_code) = 0;
};

// Ranks that the launcher of this process asked for (from OpenMPI's, PMIx's,
// Hydra's and Slurm's variables, `lookup` being getenv), 1 if there are none.
// Known without MPI_Init, so that a mismatched mpirun can be told.
int LaunchedWorldSize(const std::function<const char*(const char*)>& lookup);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_BACKENDS_H_
