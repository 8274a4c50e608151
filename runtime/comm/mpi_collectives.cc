#include "runtime/comm/mpi_collectives.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include "runtime/comm/reduce.h"
#include "runtime/comm/slices.h"

namespace perdure {
namespace {

// Above the tags of Communicator::Send.
enum Tag : int {
  kMeetTag = 32768,
  kScatterTag,
  kGatherTag,
  kBroadcastTag,
};

constexpr uint64_t kSmallBytes = 8 << 10;
constexpr uint64_t kSmallTotalBytes = 128 << 10;
constexpr uint64_t kRecordBytes = sizeof(CollectiveCall) + kSmallBytes;
// Large enough for the network, small enough to overlap with the sums.
constexpr uint64_t kPieceBytes = 4 << 20;
constexpr uint64_t kLinkBytes = 1 << 20;  // of a chain
constexpr size_t kLinksUnderWay = 4;

uint64_t CountOf(uint64_t bytes, uint64_t piece) {
  return (bytes + piece - 1) / piece;
}

}  // namespace

// One AllReduce in pieces, of which three are under way: one being scattered,
// one summed, one gathered.
class MpiCollectives::Reduction {
 public:
  Reduction(MpiCollectives& all, void* data)
      : all_(all),
        data_(static_cast<char*>(data)),
        element_(SizeOf(static_cast<DType>(all.call_.dtype))) {
    all_.staging_.resize(2 * all_.group_.size() * SlotBytes());
  }

  absl::Status Run() {
    const uint64_t pieces = CountOf(all_.call_.bytes, kPieceBytes);
    std::deque<MpiBatch> scatters;
    std::deque<MpiBatch> gathers;
    for (uint64_t i = 0; i < pieces + 2; ++i) {
      if (i < pieces) {
        RETURN_IF_ERROR(Scatter(i, scatters.emplace_back(all_.handle_)));
      }
      if (i >= 1 && i <= pieces) {
        RETURN_IF_ERROR(all_.Wait(scatters.front()));
        scatters.pop_front();
        Reduce(i - 1);
        RETURN_IF_ERROR(Gather(i - 1, gathers.emplace_back(all_.handle_)));
      }
      if (i >= 2) {
        RETURN_IF_ERROR(all_.Wait(gathers.front()));
        gathers.pop_front();
      }
    }
    return absl::OkStatus();
  }

 private:
  uint64_t SlotBytes() const { return kPieceBytes / all_.group_.size() + 64; }
  Slice BytesOf(int rank, uint64_t piece) const {
    const uint64_t bytes =
        std::min(kPieceBytes, all_.call_.bytes - piece * kPieceBytes);
    const Slice slice =
        SliceOf(bytes / element_, all_.group_.size(), rank, element_);
    return {slice.begin * element_, slice.count * element_};
  }
  char* SliceIn(int rank, uint64_t piece) const {
    return data_ + piece * kPieceBytes + BytesOf(rank, piece).begin;
  }
  // Where rank's contribution to this rank's slice arrives.
  char* SlotOf(int rank, uint64_t piece) const {
    const uint64_t slot = (piece % 2) * all_.group_.size() + rank;
    return all_.staging_.data() + slot * SlotBytes();
  }

  absl::Status Scatter(uint64_t piece, MpiBatch& batch) const {
    const uint64_t mine = BytesOf(all_.group_.rank, piece).count;
    for (int r = 0; r < all_.group_.size(); ++r) {
      if (r == all_.group_.rank) continue;
      RETURN_IF_ERROR(batch.Receive(SlotOf(r, piece), mine, r, kScatterTag));
    }
    for (int r = 0; r < all_.group_.size(); ++r) {
      if (r == all_.group_.rank) continue;
      RETURN_IF_ERROR(batch.Send(SliceIn(r, piece), BytesOf(r, piece).count, r,
                                 kScatterTag));
    }
    return absl::OkStatus();
  }

  void Reduce(uint64_t piece) const {
    char* own = SliceIn(all_.group_.rank, piece);
    std::vector<const void*> parts(all_.group_.size());
    for (int r = 0; r < all_.group_.size(); ++r) {
      parts[r] = r == all_.group_.rank ? own : SlotOf(r, piece);
    }
    ReduceInRankOrder(static_cast<DType>(all_.call_.dtype),
                      static_cast<ReduceOp>(all_.call_.op), parts.data(),
                      all_.group_.size(),
                      BytesOf(all_.group_.rank, piece).count / element_, own);
  }

  absl::Status Gather(uint64_t piece, MpiBatch& batch) const {
    const int rank = all_.group_.rank;
    for (int r = 0; r < all_.group_.size(); ++r) {
      if (r == rank) continue;
      RETURN_IF_ERROR(batch.Receive(SliceIn(r, piece), BytesOf(r, piece).count,
                                    r, kGatherTag));
      RETURN_IF_ERROR(batch.Send(SliceIn(rank, piece),
                                 BytesOf(rank, piece).count, r, kGatherTag));
    }
    return absl::OkStatus();
  }

  MpiCollectives& all_;
  char* data_;
  const int64_t element_;
};

MpiCollectives::MpiCollectives(const GroupInfo& group, const MpiHandle* handle,
                               WaitPolicy policy)
    : group_(group),
      handle_(handle),
      policy_(std::move(policy)),
      inbox_(group.size() * kRecordBytes) {}

void MpiCollectives::Abandon() {
  handle_->job().abandoned.push_back(std::move(inbox_));
  handle_->job().abandoned.push_back(std::move(staging_));
}

absl::Status MpiCollectives::Barrier(const CollectiveCall& call) {
  return Meet(call, nullptr, 0);
}

absl::Status MpiCollectives::AllReduce(const CollectiveCall& call, void* data) {
  const bool small = IsSmall(call.bytes);
  RETURN_IF_ERROR(Meet(call, data, small ? call.bytes : 0));
  if (!small) return Annotated(Reduction(*this, data).Run());
  const auto dtype = static_cast<DType>(call.dtype);
  std::vector<const void*> parts(group_.size());
  for (int r = 0; r < group_.size(); ++r) parts[r] = PayloadOf(r);
  ReduceInRankOrder(dtype, static_cast<ReduceOp>(call.op), parts.data(),
                    group_.size(), call.bytes / SizeOf(dtype), data);
  return absl::OkStatus();
}

absl::Status MpiCollectives::AllGather(const CollectiveCall& call,
                                       const void* input, void* output) {
  if (IsSmall(call.bytes)) return Exchange(call, input, call.bytes, output);
  RETURN_IF_ERROR(Meet(call, nullptr, 0));
  char* own = static_cast<char*>(output) + group_.rank * call.bytes;
  if (input != own) std::memcpy(own, input, call.bytes);
  std::deque<MpiBatch> batches;
  for (uint64_t offset = 0; offset < call.bytes; offset += kPieceBytes) {
    const absl::Status posted =
        GatherPiece(own, output, offset, &batches.emplace_back(handle_));
    RETURN_IF_ERROR(Annotated(posted));
    if (batches.size() < 2) continue;
    RETURN_IF_ERROR(Annotated(Wait(batches.front())));
    batches.pop_front();
  }
  return Annotated(Wait(batches.front()));
}

absl::Status MpiCollectives::GatherPiece(const void* input, void* output,
                                         uint64_t offset, MpiBatch* batch) {
  const uint64_t bytes = std::min(kPieceBytes, call_.bytes - offset);
  for (int r = 0; r < group_.size(); ++r) {
    if (r == group_.rank) continue;
    char* part = static_cast<char*>(output) + r * call_.bytes + offset;
    RETURN_IF_ERROR(batch->Receive(part, bytes, r, kGatherTag));
    RETURN_IF_ERROR(batch->Send(static_cast<const char*>(input) + offset, bytes,
                                r, kGatherTag));
  }
  return absl::OkStatus();
}

absl::Status MpiCollectives::Broadcast(const CollectiveCall& call, void* data) {
  const bool small = IsSmall(call.bytes);
  const int place = (group_.rank - call.root + group_.size()) % group_.size();
  RETURN_IF_ERROR(Meet(call, data, small && place == 0 ? call.bytes : 0));
  if (small) {
    if (place != 0 && call.bytes > 0) {
      std::memcpy(data, PayloadOf(call.root), call.bytes);
    }
    return absl::OkStatus();
  }
  const int next = (group_.rank + 1) % group_.size();
  const int previous = (group_.rank + group_.size() - 1) % group_.size();
  const uint64_t links = CountOf(call.bytes, kLinkBytes);
  const auto part = [&](uint64_t link) {
    return static_cast<char*>(data) + link * kLinkBytes;
  };
  const auto part_bytes = [&](uint64_t link) {
    return std::min(kLinkBytes, call.bytes - link * kLinkBytes);
  };
  std::deque<MpiBatch> receives;
  std::deque<MpiBatch> sends;
  for (uint64_t link = 0, posted = 0; link < links; ++link) {
    if (place > 0) {
      for (; posted < links && receives.size() < kLinksUnderWay; ++posted) {
        RETURN_IF_ERROR(Annotated(receives.emplace_back(handle_).Receive(
            part(posted), part_bytes(posted), previous, kBroadcastTag)));
      }
      RETURN_IF_ERROR(Annotated(Wait(receives.front())));
      receives.pop_front();
    }
    if (place == group_.size() - 1) continue;
    RETURN_IF_ERROR(Annotated(sends.emplace_back(handle_).Send(
        part(link), part_bytes(link), next, kBroadcastTag)));
    if (sends.size() < kLinksUnderWay) continue;
    RETURN_IF_ERROR(Annotated(Wait(sends.front())));
    sends.pop_front();
  }
  for (MpiBatch& send : sends) RETURN_IF_ERROR(Annotated(Wait(send)));
  return absl::OkStatus();
}

absl::Status MpiCollectives::Exchange(const CollectiveCall& call,
                                      const void* input, uint64_t bytes,
                                      void* output) {
  RETURN_IF_ERROR(Meet(call, input, bytes));
  for (int r = 0; r < group_.size() && bytes > 0; ++r) {
    std::memcpy(static_cast<char*>(output) + r * bytes, PayloadOf(r), bytes);
  }
  return absl::OkStatus();
}

bool MpiCollectives::IsSmall(uint64_t bytes) const {
  return bytes <= kSmallBytes && bytes * group_.size() <= kSmallTotalBytes;
}

const char* MpiCollectives::PayloadOf(int rank) const {
  return inbox_.data() + rank * kRecordBytes + sizeof(CollectiveCall);
}

absl::Status MpiCollectives::Meet(const CollectiveCall& call,
                                  const void* payload, uint64_t bytes) {
  call_ = call;
  deadline_ = Deadline(group_.timeout);
  char* mine = inbox_.data() + group_.rank * kRecordBytes;
  std::memcpy(mine, &call, sizeof(call));
  if (bytes > 0) std::memcpy(mine + sizeof(call), payload, bytes);
  MpiBatch batch(handle_);
  for (int r = 0; r < group_.size(); ++r) {
    if (r == group_.rank) continue;
    RETURN_IF_ERROR(Annotated(batch.ReceiveUpTo(
        inbox_.data() + r * kRecordBytes, kRecordBytes, r, kMeetTag)));
    RETURN_IF_ERROR(
        Annotated(batch.Send(mine, sizeof(call) + bytes, r, kMeetTag)));
  }
  RETURN_IF_ERROR(Annotated(Wait(batch)));
  for (int r = 0; r < group_.size(); ++r) {
    CollectiveCall other;
    std::memcpy(&other, inbox_.data() + r * kRecordBytes, sizeof(other));
    if (!SameCall(call, other)) return MismatchError(group_, call, r, other);
  }
  return absl::OkStatus();
}

absl::Status MpiCollectives::Wait(MpiBatch& batch) {
  ASSIGN_OR_RETURN(const bool done, batch.Wait(policy_, deadline_));
  if (done) return absl::OkStatus();
  return MissingRanksError(group_, call_, batch.PendingPeers(), {});
}

absl::Status MpiCollectives::Annotated(const absl::Status& status) const {
  // A passed deadline names the call already.
  if (status.ok() || absl::IsDeadlineExceeded(status)) return status;
  return Annotate(status, CallName(group_, call_));
}

}  // namespace perdure
