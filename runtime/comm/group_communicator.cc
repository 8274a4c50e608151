#include "runtime/comm/group_communicator.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "runtime/comm/reduce.h"

namespace perdure {
namespace {

// Shows on the board, if there is one, that this rank is in a call.
class OnBoard {
 public:
  OnBoard(const GroupInfo& group, absl::string_view operation,
          uint64_t sequence)
      : board_(group.progress) {
    if (board_ != nullptr) {
      board_->BeginCollective(group.name, operation, sequence);
    }
  }
  ~OnBoard() {
    if (board_ != nullptr) board_->EndCollective();
  }
  OnBoard(const OnBoard&) = delete;
  OnBoard& operator=(const OnBoard&) = delete;

 private:
  ProgressBoard* board_;
};

double SecondsSince(Deadline::Clock::time_point start) {
  return std::chrono::duration<double>(Deadline::Clock::now() - start).count();
}

}  // namespace

GroupCommunicator::GroupCommunicator(GroupInfo group)
    : Communicator(group.name), group_(std::move(group)) {}

CollectiveCall GroupCommunicator::NextCall(CollectiveKind kind,
                                           uint64_t bytes) {
  CollectiveCall call;
  call.sequence = ++sequence_;
  call.kind = kind;
  call.bytes = bytes;
  return call;
}

template <typename Run>
absl::Status GroupCommunicator::Do(const CollectiveCall& call, uint64_t payload,
                                   const Run& run) {
  if (!failure_.ok()) return failure_;
  const OnBoard shown(group_, CollectiveName(call.kind), call.sequence);
  const Deadline::Clock::time_point start = Deadline::Clock::now();
  absl::StatusOr<Collectives*> means = Means(call);
  const absl::Status status = means.ok() ? run(**means) : means.status();
  Count(payload, SecondsSince(start));
  return Note(status);
}

absl::Status GroupCommunicator::Note(const absl::Status& status) {
  if (!status.ok() && failure_.ok()) {
    failure_ = status;
    OnFailure(status);
  }
  return status;
}

absl::Status GroupCommunicator::Barrier() {
  if (size() == 1) return failure_;
  const CollectiveCall call = NextCall(CollectiveKind::kBarrier, 0);
  return Do(call, 0, [&](Collectives& means) { return means.Barrier(call); });
}

absl::Status GroupCommunicator::AllReduce(void* data, int64_t n, DType dtype,
                                          ReduceOp op) {
  CHECK_GE(n, 0) << name();
  CHECK(IsReducible(dtype)) << name() << ": AllReduce of " << DTypeName(dtype);
  if (size() == 1) return failure_;
  CollectiveCall call = NextCall(CollectiveKind::kAllReduce, n * SizeOf(dtype));
  call.dtype = static_cast<int32_t>(dtype);
  call.op = static_cast<int32_t>(op);
  return Do(call, call.bytes,
            [&](Collectives& means) { return means.AllReduce(call, data); });
}

absl::Status GroupCommunicator::AllGather(const void* input, uint64_t bytes,
                                          void* output) {
  if (size() == 1) {
    if (input != output && bytes > 0) std::memcpy(output, input, bytes);
    return failure_;
  }
  const CollectiveCall call = NextCall(CollectiveKind::kAllGather, bytes);
  return Do(call, bytes, [&](Collectives& means) {
    return means.AllGather(call, input, output);
  });
}

absl::Status GroupCommunicator::Broadcast(void* data, uint64_t bytes,
                                          int root) {
  CHECK(root >= 0 && root < size()) << name() << ": root " << root;
  if (size() == 1) return failure_;
  CollectiveCall call = NextCall(CollectiveKind::kBroadcast, bytes);
  call.root = root;
  return Do(call, root == rank() ? bytes : 0,
            [&](Collectives& means) { return means.Broadcast(call, data); });
}

absl::StatusOr<bool> GroupCommunicator::WaitAny(
    absl::Span<CommRequest* const> requests, absl::Duration timeout) {
  CHECK(!requests.empty()) << name();
  const OnBoard shown(group_, "Receive", 0);
  const Deadline::Clock::time_point start = Deadline::Clock::now();
  const WaitPolicy policy = MessagePolicy();
  const Deadline deadline(timeout);
  Waiter waiter(policy, deadline);
  bool any = false;
  do {
    for (CommRequest* request : requests) {
      ASSIGN_OR_RETURN(const bool done, request->Poll());
      any = any || done;
    }
  } while (!any && waiter.Pause());
  Count(0, SecondsSince(start));
  return any;
}

absl::StatusOr<GroupCommunicator::Part> GroupCommunicator::PartOf(int color,
                                                                  int key) {
  CHECK_GE(color, 0) << name();
  const int32_t mine[2] = {color, key};
  std::vector<int32_t> all(2 * size());
  RETURN_IF_ERROR(AllGather(mine, sizeof(mine), all.data()));
  Part part;
  for (int r = 0; r < size(); ++r) {
    if (all[2 * r] == color) part.ranks.push_back(r);
  }
  std::stable_sort(part.ranks.begin(), part.ranks.end(), [&](int a, int b) {
    return all[2 * a + 1] < all[2 * b + 1];
  });
  part.rank = std::find(part.ranks.begin(), part.ranks.end(), rank()) -
              part.ranks.begin();
  return part;
}

GroupInfo GroupCommunicator::PartInfo(const Part& part,
                                      absl::string_view name) const {
  GroupInfo info;
  info.name = std::string(name);
  info.rank = part.rank;
  info.timeout = group_.timeout;
  info.progress = group_.progress;
  for (int r : part.ranks) info.world_ranks.push_back(group_.world_ranks[r]);
  return info;
}

TimedRequest::TimedRequest(GroupCommunicator* comm, const TransferInfo& info)
    : comm_(comm), info_(info) {
  CHECK(info.peer >= 0 && info.peer < comm->size())
      << comm->name() << ": rank " << info.peer;
  CHECK(info.tag >= 0 && info.tag <= 32767)
      << comm->name() << ": tag " << info.tag;
}

absl::Status TimedRequest::Wait() {
  if (waited_) return absl::OkStatus();
  waited_ = true;
  // Not numbered: the two ends count their messages each for itself.
  const OnBoard shown(comm_->group(), info_.send ? "Send" : "Receive", 0);
  const Deadline::Clock::time_point start = Deadline::Clock::now();
  const absl::Status status = Finish(Deadline(comm_->group().timeout));
  comm_->Count(info_.send ? info_.bytes : 0, SecondsSince(start));
  return comm_->Note(status);
}

absl::StatusOr<bool> TimedRequest::Poll() {
  if (waited_) return true;
  if (!comm_->failure().ok()) return comm_->failure();
  absl::StatusOr<bool> done = Test();
  if (!done.ok()) return comm_->Note(done.status());
  return done;
}

void TimedRequest::CheckSettled() const {
  CHECK(waited_ || !comm_->failure().ok())
      << Name() << ": destroyed before Wait()";
}

std::string TimedRequest::Name() const {
  return absl::StrCat(
      comm_->name(), ": ", info_.send ? "Send of " : "Receive of ", info_.bytes,
      info_.send ? " bytes to " : " bytes from ",
      RankName(comm_->group(), info_.peer), ", tag ", info_.tag);
}

absl::Status TimedRequest::TimedOut() const {
  return absl::DeadlineExceededError(absl::StrCat(
      Name(), ": no answer within ",
      absl::FormatDuration(comm_->group().timeout),
      ". See what that rank did; if it is only slow, raise the time-out"));
}

}  // namespace perdure
