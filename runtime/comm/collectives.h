#ifndef PERDURE_RUNTIME_COMM_COLLECTIVES_H_
#define PERDURE_RUNTIME_COMM_COLLECTIVES_H_

// The collectives of one group by one means (shared memory, messages). All
// calls block, as Communicator's; `call` says what it is, with its sequence
// number, and is the same on all ranks or the ranks' calls do not match.

#include "runtime/comm/communicator.h"
#include "runtime/comm/group.h"

namespace perdure {

class Collectives {
 public:
  virtual ~Collectives() = default;
  virtual absl::Status Barrier(const CollectiveCall& call) = 0;
  virtual absl::Status AllReduce(const CollectiveCall& call, void* data) = 0;
  virtual absl::Status AllGather(const CollectiveCall& call, const void* input,
                                 void* output) = 0;
  virtual absl::Status Broadcast(const CollectiveCall& call, void* data) = 0;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_COLLECTIVES_H_
