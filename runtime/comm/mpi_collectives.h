#ifndef PERDURE_RUNTIME_COMM_MPI_COLLECTIVES_H_
#define PERDURE_RUNTIME_COMM_MPI_COLLECTIVES_H_

// Collectives of ranks on several nodes, by point-to-point messages.
//
// As in shared memory, every call begins with a meeting: each rank sends its
// call, and a small payload with it, to every other, which also tells who is
// missing when a deadline passes. Larger payloads follow in pieces: in
// AllReduce each rank gets its slice from all, sums in rank order and sends the
// result to all; Broadcast runs along a chain of the ranks. Meant for groups of
// up to about a hundred ranks: a meeting costs each rank size() - 1 messages.

#include <string>
#include <vector>

#include "runtime/comm/collectives.h"
#include "runtime/comm/mpi_batch.h"
#include "runtime/comm/mpi_job.h"
#include "runtime/comm/wait.h"

namespace perdure {

class MpiCollectives : public Collectives {
 public:
  // `handle` outlives this.
  MpiCollectives(const GroupInfo& group, const MpiHandle* handle,
                 WaitPolicy policy);
  // After an error: memory that MPI may still write to is left to the job.
  void Abandon();

  absl::Status Barrier(const CollectiveCall& call) override;
  absl::Status AllReduce(const CollectiveCall& call, void* data) override;
  absl::Status AllGather(const CollectiveCall& call, const void* input,
                         void* output) override;
  absl::Status Broadcast(const CollectiveCall& call, void* data) override;

  // A meeting for `call` that gathers `bytes` (a few hundred at most) of every
  // rank in `output`, by rank.
  absl::Status Exchange(const CollectiveCall& call, const void* input,
                        uint64_t bytes, void* output);

 private:
  class Reduction;

  bool IsSmall(uint64_t bytes) const;
  absl::Status Meet(const CollectiveCall& call, const void* payload,
                    uint64_t bytes);
  const char* PayloadOf(int rank) const;
  absl::Status Wait(MpiBatch& batch);
  absl::Status GatherPiece(const void* input, void* output, uint64_t offset,
                           MpiBatch* batch);
  absl::Status Annotated(const absl::Status& status) const;

  GroupInfo group_;
  const MpiHandle* handle_;
  WaitPolicy policy_;
  std::vector<char> inbox_;    // one record (call and payload) a rank
  std::vector<char> staging_;  // slices to be summed, two pieces
  // The call under way.
  CollectiveCall call_;
  Deadline deadline_{absl::ZeroDuration()};
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_MPI_COLLECTIVES_H_
