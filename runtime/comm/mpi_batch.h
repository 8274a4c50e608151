#ifndef PERDURE_RUNTIME_COMM_MPI_BATCH_H_
#define PERDURE_RUNTIME_COMM_MPI_BATCH_H_

// Messages under way together, waited for by polling: MPI has no deadlines.
// A message longer than MpiJob::message_bytes travels as several.

#include <mpi.h>

#include <vector>

#include "runtime/base/status.h"
#include "runtime/comm/mpi_job.h"
#include "runtime/comm/wait.h"

namespace perdure {

class MpiBatch {
 public:
  // `handle` outlives the batch.
  explicit MpiBatch(const MpiHandle* handle) : handle_(handle) {}
  MpiBatch(const MpiBatch&) = delete;
  MpiBatch& operator=(const MpiBatch&) = delete;
  // Gives up what is under way.
  ~MpiBatch();

  absl::Status Send(const void* data, uint64_t bytes, int to, int tag);
  // Expects exactly `bytes` bytes.
  absl::Status Receive(void* data, uint64_t bytes, int from, int tag);
  // One message of at most `bytes` bytes.
  absl::Status ReceiveUpTo(void* data, uint64_t bytes, int from, int tag);

  // Whether all is done; one look.
  absl::StatusOr<bool> Test();
  // Blocks until all is done (true) or the deadline has passed (false).
  absl::StatusOr<bool> Wait(const WaitPolicy& policy, const Deadline& deadline);
  // Peers of what is not done, ascending; senders only unless there are none.
  std::vector<int> PendingPeers() const;

 private:
  struct Message {
    bool receive = false;
    int peer = 0;
    int64_t exact_bytes = -1;  // of a receive; -1: any
  };
  absl::Status Post(MPI_Request request, int code, const Message& message);
  absl::Status Check(int index, const MPI_Status& status) const;
  // How many messages were done since the last look; -1: all are.
  absl::StatusOr<int> Look();

  const MpiHandle* handle_;
  std::vector<MPI_Request> requests_;  // MPI_REQUEST_NULL once done
  std::vector<Message> messages_;      // by request
  std::vector<int> indices_;           // scratch of Wait
  std::vector<MPI_Status> statuses_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_MPI_BATCH_H_
