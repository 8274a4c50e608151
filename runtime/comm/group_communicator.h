#ifndef PERDURE_RUNTIME_COMM_GROUP_COMMUNICATOR_H_
#define PERDURE_RUNTIME_COMM_GROUP_COMMUNICATOR_H_

// What all communicators of several ranks have in common: sequence numbers,
// statistics, the trivial cases, and that the first error stays.

#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/collectives.h"
#include "runtime/comm/communicator.h"
#include "runtime/comm/group.h"
#include "runtime/comm/wait.h"

namespace perdure {

class GroupCommunicator : public Communicator {
 public:
  int rank() const final { return group_.rank; }
  int size() const final { return group_.size(); }
  absl::Duration timeout() const final { return group_.timeout; }
  std::string NameOf(int rank) const final { return RankName(group_, rank); }
  absl::Status Barrier() final;
  absl::Status AllReduce(void* data, int64_t n, DType dtype, ReduceOp op) final;
  absl::Status AllGather(const void* input, uint64_t bytes, void* output) final;
  absl::Status Broadcast(void* data, uint64_t bytes, int root) final;
  absl::StatusOr<bool> WaitAny(absl::Span<CommRequest* const> requests,
                               absl::Duration timeout) final;
  absl::Status Fail(const absl::Status& error) final { return Note(error); }

 protected:
  explicit GroupCommunicator(GroupInfo group);

  // The means of this group's collectives. Made at its first collective, `call`
  // (so this may meet the other ranks itself): groups that only send and
  // receive never pay for it.
  virtual absl::StatusOr<Collectives*> Means(const CollectiveCall& call) = 0;
  // Called once, with the first error.
  virtual void OnFailure(const absl::Status& status) = 0;
  // How this rank waits for messages.
  virtual WaitPolicy MessagePolicy() const { return {}; }

  const GroupInfo& group() const { return group_; }
  // The error that made this communicator useless, or OK.
  const absl::Status& failure() const { return failure_; }
  // Records `status` if it is the first error; returns it.
  absl::Status Note(const absl::Status& status);

  // One part of a Split.
  struct Part {
    std::vector<int> ranks;  // of this group, in the part's order
    int rank = 0;            // this rank's in the part
  };
  // Collective: the part of the ranks with this rank's color.
  absl::StatusOr<Part> PartOf(int color, int key);
  GroupInfo PartInfo(const Part& part, absl::string_view name) const;

  friend class TimedRequest;

 private:
  CollectiveCall NextCall(CollectiveKind kind, uint64_t bytes);
  // Runs `run(means)` for `call`, timed; counts `payload` bytes.
  template <typename Run>
  absl::Status Do(const CollectiveCall& call, uint64_t payload, const Run& run);

  GroupInfo group_;
  uint64_t sequence_ = 0;
  absl::Status failure_;
};

// One end of a message, for checks and error texts.
struct TransferInfo {
  bool send = false;
  uint64_t bytes = 0;
  int peer = 0;
  int tag = 0;
};

// A request whose wait is counted by its communicator, which outlives it.
class TimedRequest : public CommRequest {
 public:
  // CHECKs peer and tag.
  TimedRequest(GroupCommunicator* comm, const TransferInfo& info);
  absl::Status Wait() final;
  absl::StatusOr<bool> Poll() final;
  const TransferInfo& info() const { return info_; }

 protected:
  // Blocks until done; called at most once.
  virtual absl::Status Finish(const Deadline& deadline) = 0;
  // One look, before Finish: whether it would not block.
  virtual absl::StatusOr<bool> Test() = 0;
  // CHECKs that this request may be destroyed now.
  void CheckSettled() const;
  bool settled() const { return waited_; }
  // "tp[0]: Send of 16 bytes to rank 1 (world rank 5), tag 3".
  std::string Name() const;
  absl::Status TimedOut() const;

 private:
  GroupCommunicator* comm_;
  TransferInfo info_;
  bool waited_ = false;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_GROUP_COMMUNICATOR_H_
