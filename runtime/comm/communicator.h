#ifndef PERDURE_RUNTIME_COMM_COMMUNICATOR_H_
#define PERDURE_RUNTIME_COMM_COMMUNICATOR_H_

// A group of ranks that move data together. Backends: loopback (one rank),
// threads (N ranks in one process, for tests), MPI.
//
// Every call blocks until it is done or its deadline (the group's time-out from
// the call on) has passed; then it returns DeadlineExceeded with the group, the
// operation, its sequence number and, as far as known, the missing ranks. After
// an error the communicator is of no use and the process should end. Calls on
// one communicator come from one thread, in the same order on all its ranks.
// Sums are taken in rank order: all ranks get the same bits, and so does every
// run with the same group size, on every backend and over any network.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "runtime/base/status.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

enum class ReduceOp { kSum, kMax, kMin };

// Traffic of this rank since the start; payload bytes it sent or contributed.
struct CommStats {
  int64_t operations = 0;
  int64_t bytes = 0;
  double seconds = 0;  // blocked in calls
};

// Memory that every rank of a group on one node reads and writes directly: one
// segment a rank, page-aligned, zero-filled at first. Plain loads and stores;
// order them with Communicator::Barrier.
class SharedSegments {
 public:
  virtual ~SharedSegments() = default;
  virtual void* segment(int rank) = 0;
  void* mine() { return segment(rank_); }
  uint64_t bytes() const { return bytes_; }

 protected:
  SharedSegments(int rank, uint64_t bytes) : rank_(rank), bytes_(bytes) {}

 private:
  int rank_;
  uint64_t bytes_;
};

// A point-to-point operation under way. Destroying one that is not done is an
// error (CHECK) unless its communicator has failed.
class CommRequest {
 public:
  virtual ~CommRequest() = default;
  virtual absl::Status Wait() = 0;
  // Whether Wait would return at once. Never blocks; lets MPI go on.
  virtual absl::StatusOr<bool> Poll() = 0;
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  const std::string& name() const { return name_; }
  const CommStats& stats() const { return stats_; }
  // The group's time-out.
  virtual absl::Duration timeout() const = 0;
  // For messages: "rank 1 (world rank 5)".
  virtual std::string NameOf(int rank) const = 0;

  virtual absl::Status Barrier() = 0;
  // In place. dtype: kF32, kF64, kI32, kI64; kBF16 is summed in fp32.
  virtual absl::Status AllReduce(void* data, int64_t n, DType dtype,
                                 ReduceOp op) = 0;
  // output holds size() parts of `bytes` bytes, in rank order. `input` may be
  // this rank's part of output.
  virtual absl::Status AllGather(const void* input, uint64_t bytes,
                                 void* output) = 0;
  virtual absl::Status Broadcast(void* data, uint64_t bytes, int root) = 0;

  // The buffer stays valid and untouched until Wait. Messages between two
  // ranks with the same tag (0 .. 32767) match in order.
  virtual absl::StatusOr<std::unique_ptr<CommRequest>> Send(const void* data,
                                                            uint64_t bytes,
                                                            int to,
                                                            int tag) = 0;
  virtual absl::StatusOr<std::unique_ptr<CommRequest>> Receive(void* data,
                                                               uint64_t bytes,
                                                               int from,
                                                               int tag) = 0;

  // Blocks until at least one of `requests`, all of this communicator, can be
  // waited for without blocking: who it is, Poll tells. There must be one.
  // False: `timeout` has passed, which is no error yet.
  virtual absl::StatusOr<bool> WaitAny(absl::Span<CommRequest* const> requests,
                                       absl::Duration timeout) = 0;
  // For a rank that stops because of `error`, which comes back: the
  // communicator has failed, and ranks of this node that wait in one of its
  // collectives are told why.
  virtual absl::Status Fail(const absl::Status& error) = 0;

  // Collective over the parent: ranks of equal color (>= 0) form a group, by
  // ascending key. The name is for messages: "tp[0]".
  virtual absl::StatusOr<std::unique_ptr<Communicator>> Split(
      int color, int key, absl::string_view name) = 0;

  // Collective. `bytes` may differ between ranks: the largest counts. nullptr
  // (on all ranks) if the group spans nodes.
  virtual absl::StatusOr<std::unique_ptr<SharedSegments>> AllocateShared(
      uint64_t bytes) = 0;

 protected:
  explicit Communicator(absl::string_view name) : name_(name) {}
  void Count(int64_t bytes, double seconds) {
    ++stats_.operations;
    stats_.bytes += bytes;
    stats_.seconds += seconds;
  }

 private:
  std::string name_;
  CommStats stats_;
};

// AllReduce of one value.
absl::StatusOr<double> AllReduceScalar(Communicator& comm, double value,
                                       ReduceOp op);
// The strings of all ranks, in rank order.
absl::StatusOr<std::vector<std::string>> AllGatherStrings(
    Communicator& comm, absl::string_view text);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_COMMUNICATOR_H_
