#ifndef PERDURE_RUNTIME_COMM_MPI_OPTIONS_H_
#define PERDURE_RUNTIME_COMM_MPI_OPTIONS_H_

// What MpiSession::Start() decides by itself, for tests that want it otherwise.

#include <cstdint>
#include <memory>

#include "runtime/comm/backends.h"

namespace perdure {

struct MpiOptions {
  // > 0: ranks count as on one node only if they are in the same run of so many
  // consecutive world ranks. 0: as MPI finds them.
  int ranks_per_node = 0;
  // Longest single MPI message; MPI counts in int.
  uint64_t message_bytes = uint64_t{1} << 30;
};

absl::StatusOr<std::unique_ptr<MpiSession>> StartMpiSession(
    const MpiOptions& options);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_MPI_OPTIONS_H_
