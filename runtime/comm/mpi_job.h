#ifndef PERDURE_RUNTIME_COMM_MPI_JOB_H_
#define PERDURE_RUNTIME_COMM_MPI_JOB_H_

// What the MPI communicators of a process have in common. Private to the MPI
// backend: the only headers with mpi.h in them are mpi_*.h.

#include <mpi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

struct MpiJob {
  int rank = 0;
  int size = 1;
  std::vector<int> node_of;        // by world rank
  bool crowded = false;            // more ranks than cores on this node
  uint64_t message_bytes = 0;      // longest single message
  bool finished = false;           // no MPI call is allowed any more
  MPI_Comm quiet = MPI_COMM_NULL;  // without any traffic
  // Memory that MPI may still write to, because its operation was given up.
  std::vector<std::vector<char>> abandoned;

  // Lets MPI's own pending work go on; OpenMPI has no thread for it. A probe
  // that finds nothing is the cheapest call that does.
  void Progress() const {
    int found = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, quiet, &found, MPI_STATUS_IGNORE);
  }
};

// OK, or Unavailable with MPI's words for `code`.
absl::Status MpiStatus(int code, const std::string& what);

// Owns a communicator handle. Freeing is local in OpenMPI, so a rank that ends
// after an error does not hang in it.
class MpiHandle {
 public:
  MpiHandle(std::shared_ptr<MpiJob> job, MPI_Comm comm)
      : job_(std::move(job)), comm_(comm) {}
  MpiHandle(const MpiHandle&) = delete;
  MpiHandle& operator=(const MpiHandle&) = delete;
  ~MpiHandle();
  MPI_Comm get() const { return comm_; }
  MpiJob& job() const { return *job_; }
  const std::shared_ptr<MpiJob>& shared_job() const { return job_; }

 private:
  // Shared with the session: the last of them may outlive the others.
  std::shared_ptr<MpiJob> job_;
  MPI_Comm comm_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_MPI_JOB_H_
