#include "runtime/comm/shared_collectives.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "runtime/comm/reduce.h"
#include "runtime/comm/shared_area.h"
#include "runtime/comm/slices.h"

namespace perdure {
namespace {

// Below this every rank reads all payloads itself: one meeting, no second one.
constexpr uint64_t kSmallTotalBytes = 32 << 10;

uint64_t PieceCount(uint64_t bytes) {
  return (bytes + kSlotBytes - 1) / kSlotBytes;
}

uint64_t PieceBytes(uint64_t bytes, uint64_t piece) {
  return std::min(kSlotBytes, bytes - piece * kSlotBytes);
}

}  // namespace

// One AllReduce through the slots. A rank's own slice of its own data is read
// and written in place; only the rest is copied.
class SharedCollectives::Reduction {
 public:
  Reduction(SharedCollectives& all, void* data)
      : all_(all),
        call_(all.call_),
        data_(static_cast<char*>(data)),
        element_(SizeOf(static_cast<DType>(call_.dtype))) {}

  absl::Status Run() {
    // Three pieces are under way, one in each stage.
    const uint64_t pieces = PieceCount(call_.bytes);
    for (uint64_t i = 0; i < pieces + 2; ++i) {
      if (i < pieces) RETURN_IF_ERROR(StageIn(i));
      // Whoever has met all others has met their first pieces, too.
      if (i == 0) RETURN_IF_ERROR(all_.Meet(nullptr, 0));
      if (i >= 1 && i <= pieces) RETURN_IF_ERROR(Reduce(i - 1));
      if (i >= 2) RETURN_IF_ERROR(Take(i - 2));
    }
    return absl::OkStatus();
  }

 private:
  // The bytes of `rank`'s slice of a piece.
  Slice BytesOf(int rank, uint64_t piece) const {
    const int64_t n = PieceBytes(call_.bytes, piece) / element_;
    const Slice slice = SliceOf(n, all_.group_.size(), rank, element_);
    return {slice.begin * element_, slice.count * element_};
  }
  uint64_t Number(uint64_t piece) const { return all_.pieces_ + piece; }
  char* SlotOf(int rank, uint64_t piece) const {
    return all_.areas_[rank]->slots[Number(piece) % kSlots];
  }
  char* DataOf(uint64_t piece) const { return data_ + piece * kSlotBytes; }

  absl::Status StageIn(uint64_t piece) {
    RETURN_IF_ERROR(all_.AwaitSlot(Number(piece)));
    const int rank = all_.group_.rank;
    const Slice mine = BytesOf(rank, piece);
    const int64_t end = mine.begin + mine.count;
    const int64_t bytes = PieceBytes(call_.bytes, piece);
    std::memcpy(SlotOf(rank, piece), DataOf(piece), mine.begin);
    std::memcpy(SlotOf(rank, piece) + end, DataOf(piece) + end, bytes - end);
    all_.Reach(Stage::kStaged, Number(piece) + 1);
    return absl::OkStatus();
  }

  absl::Status Reduce(uint64_t piece) {
    RETURN_IF_ERROR(all_.AwaitAll(Stage::kStaged, Number(piece) + 1));
    const int rank = all_.group_.rank;
    const Slice mine = BytesOf(rank, piece);
    char* own = DataOf(piece) + mine.begin;
    std::vector<const void*> parts(all_.group_.size());
    for (int r = 0; r < all_.group_.size(); ++r) {
      parts[r] = r == rank ? own : SlotOf(r, piece) + mine.begin;
    }
    ReduceInRankOrder(static_cast<DType>(call_.dtype),
                      static_cast<ReduceOp>(call_.op), parts.data(),
                      all_.group_.size(), mine.count / element_, own);
    std::memcpy(SlotOf(rank, piece) + mine.begin, own, mine.count);
    all_.Reach(Stage::kReduced, Number(piece) + 1);
    return absl::OkStatus();
  }

  absl::Status Take(uint64_t piece) {
    for (int r = 0; r < all_.group_.size(); ++r) {
      if (r == all_.group_.rank) continue;
      RETURN_IF_ERROR(all_.Await(Stage::kReduced, r, Number(piece) + 1));
      const Slice slice = BytesOf(r, piece);
      std::memcpy(DataOf(piece) + slice.begin, SlotOf(r, piece) + slice.begin,
                  slice.count);
    }
    all_.Reach(Stage::kTaken, Number(piece) + 1);
    return absl::OkStatus();
  }

  SharedCollectives& all_;
  const CollectiveCall& call_;
  char* data_;
  const int64_t element_;
};

uint64_t SharedCollectives::AreaBytes() { return sizeof(SharedArea); }

SharedArea* SharedCollectives::InitArea(void* memory) {
  // No braces: the slots stay untouched, and so cost no memory until used.
  return new (memory) SharedArea;
}

SharedArea* SharedCollectives::AreaAt(void* memory) {
  return static_cast<SharedArea*>(memory);
}

FailureBoard* SharedCollectives::BoardIn(SharedArea* area) {
  return &area->board;
}

SharedCollectives::SharedCollectives(const GroupInfo& group,
                                     const std::vector<SharedArea*>& areas,
                                     FailureBoard* board, WaitPolicy policy)
    : group_(group), areas_(areas), board_(board), policy_(std::move(policy)) {}

absl::Status SharedCollectives::Barrier(const CollectiveCall& call) {
  RETURN_IF_ERROR(Begin(call));
  return Meet(nullptr, 0);
}

absl::Status SharedCollectives::AllReduce(const CollectiveCall& call,
                                          void* data) {
  RETURN_IF_ERROR(Begin(call));
  if (!IsSmall(call.bytes)) {
    RETURN_IF_ERROR(Reduction(*this, data).Run());
    Advance(PieceCount(call.bytes));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Meet(data, call.bytes));
  const auto dtype = static_cast<DType>(call.dtype);
  std::vector<const void*> parts(group_.size());
  for (int r = 0; r < group_.size(); ++r) parts[r] = SmallPayload(r);
  ReduceInRankOrder(dtype, static_cast<ReduceOp>(call.op), parts.data(),
                    group_.size(), call.bytes / SizeOf(dtype), data);
  return absl::OkStatus();
}

absl::Status SharedCollectives::AllGather(const CollectiveCall& call,
                                          const void* input, void* output) {
  const bool small = IsSmall(call.bytes);
  RETURN_IF_ERROR(Begin(call));
  RETURN_IF_ERROR(Meet(input, small ? call.bytes : 0));
  if (small) {
    GatherSmall(output);
    return absl::OkStatus();
  }
  char* out = static_cast<char*>(output);
  char* own = out + group_.rank * call.bytes;
  const uint64_t pieces = PieceCount(call.bytes);
  for (uint64_t i = 0; i < pieces + 1; ++i) {
    if (i < pieces) {
      RETURN_IF_ERROR(AwaitSlot(pieces_ + i));
      const uint64_t offset = i * kSlotBytes;
      const uint64_t bytes = PieceBytes(call.bytes, i);
      const char* from = static_cast<const char*>(input) + offset;
      std::memcpy(mine().slots[(pieces_ + i) % kSlots], from, bytes);
      Reach(Stage::kStaged, pieces_ + i + 1);
      if (input != own) std::memcpy(own + offset, from, bytes);
    }
    if (i == 0) continue;
    const uint64_t number = pieces_ + i - 1;
    for (int r = 0; r < group_.size(); ++r) {
      if (r == group_.rank) continue;
      RETURN_IF_ERROR(Await(Stage::kStaged, r, number + 1));
      std::memcpy(out + r * call.bytes + (i - 1) * kSlotBytes,
                  areas_[r]->slots[number % kSlots],
                  PieceBytes(call.bytes, i - 1));
    }
    Reach(Stage::kTaken, number + 1);
  }
  Advance(pieces);
  return absl::OkStatus();
}

absl::Status SharedCollectives::Broadcast(const CollectiveCall& call,
                                          void* data) {
  const bool small = IsSmall(call.bytes);
  const bool is_root = group_.rank == call.root;
  RETURN_IF_ERROR(Begin(call));
  RETURN_IF_ERROR(Meet(data, small && is_root ? call.bytes : 0));
  if (small) {
    if (!is_root && call.bytes > 0)
      std::memcpy(data, SmallPayload(call.root), call.bytes);
    return absl::OkStatus();
  }
  const uint64_t pieces = PieceCount(call.bytes);
  for (uint64_t i = 0; i < pieces; ++i) {
    const uint64_t number = pieces_ + i;
    const uint64_t bytes = PieceBytes(call.bytes, i);
    char* slot = areas_[call.root]->slots[number % kSlots];
    char* part = static_cast<char*>(data) + i * kSlotBytes;
    if (is_root) {
      RETURN_IF_ERROR(AwaitSlot(number));
      std::memcpy(slot, part, bytes);
      Reach(Stage::kStaged, number + 1);
    } else {
      RETURN_IF_ERROR(Await(Stage::kStaged, call.root, number + 1));
      std::memcpy(part, slot, bytes);
    }
    Reach(Stage::kTaken, number + 1);
  }
  Advance(pieces);
  return absl::OkStatus();
}

bool SharedCollectives::IsSmall(uint64_t bytes) const {
  return bytes <= kSmallBytes && bytes * group_.size() <= kSmallTotalBytes;
}

absl::Status SharedCollectives::Begin(const CollectiveCall& call) {
  call_ = call;
  deadline_ = Deadline(group_.timeout);
  if (board_->failed()) return board_->StatusFor(CallName(group_, call));
  return absl::OkStatus();
}

absl::Status SharedCollectives::Meet(const void* payload, uint64_t bytes) {
  const CollectiveCall& call = call_;
  mine().calls[call.sequence % kCallSlots] = call;
  if (bytes > 0) {
    std::memcpy(mine().small[call.sequence % kSmallSlots], payload, bytes);
  }
  Reach(Stage::kEntered, call.sequence);
  RETURN_IF_ERROR(AwaitAll(Stage::kEntered, call.sequence));
  for (int r = 0; r < group_.size(); ++r) {
    const CollectiveCall& other = areas_[r]->calls[call.sequence % kCallSlots];
    if (!SameCall(call, other)) return MismatchError(group_, call, r, other);
  }
  return absl::OkStatus();
}

const void* SharedCollectives::SmallPayload(int rank) const {
  return areas_[rank]->small[call_.sequence % kSmallSlots];
}

void SharedCollectives::GatherSmall(void* output) const {
  for (int r = 0; r < group_.size(); ++r) {
    if (call_.bytes == 0) return;  // output may be null
    std::memcpy(static_cast<char*>(output) + r * call_.bytes, SmallPayload(r),
                call_.bytes);
  }
}

absl::Status SharedCollectives::Await(Stage stage, int rank, uint64_t value) {
  const std::atomic<uint64_t>& counter = CounterOf(*areas_[rank], stage);
  if (counter.load(std::memory_order_acquire) >= value) {
    return absl::OkStatus();
  }
  Waiter waiter(policy_, deadline_);
  while (counter.load(std::memory_order_acquire) < value) {
    if (board_->failed() || !waiter.Pause()) return WaitFailed(stage, value);
  }
  return absl::OkStatus();
}

absl::Status SharedCollectives::AwaitAll(Stage stage, uint64_t value) {
  for (int r = 0; r < group_.size(); ++r) {
    RETURN_IF_ERROR(Await(stage, r, value));
  }
  return absl::OkStatus();
}

absl::Status SharedCollectives::AwaitSlot(uint64_t piece) {
  if (piece < kSlots) return absl::OkStatus();
  return AwaitAll(Stage::kTaken, piece + 1 - kSlots);
}

void SharedCollectives::Reach(Stage stage, uint64_t value) {
  CounterOf(mine(), stage).store(value, std::memory_order_release);
}

absl::Status SharedCollectives::WaitFailed(Stage stage, uint64_t value) {
  // A failure elsewhere that is no time-out is the better explanation, and so
  // is a time-out for which a rank does not come here. After one in here each
  // rank names the ranks that it misses itself.
  const std::string name = CallName(group_, call_);
  const absl::Status posted =
      board_->failed() ? board_->StatusFor(name) : absl::OkStatus();
  if (!posted.ok() && !absl::IsDeadlineExceeded(posted)) return posted;
  std::vector<int> missing;
  std::vector<CollectiveCall> last(group_.size());
  for (int r = 0; r < group_.size(); ++r) {
    const uint64_t entered = areas_[r]->entered.load(std::memory_order_acquire);
    if (entered > 0) last[r] = areas_[r]->calls[entered % kCallSlots];
    if (CounterOf(*areas_[r], stage).load() < value) {
      missing.push_back(r);
    }
  }
  const bool explains =
      missing.empty() ||
      std::any_of(missing.begin(), missing.end(), [this](int rank) {
        return group_.world_ranks[rank] == board_->world_rank();
      });
  if (!posted.ok() && explains) return posted;
  return MissingRanksError(group_, call_, missing, last);
}

void SharedCollectives::Advance(uint64_t pieces) {
  pieces_ += pieces;
  Reach(Stage::kStaged, pieces_);
  Reach(Stage::kReduced, pieces_);
  Reach(Stage::kTaken, pieces_);
}

}  // namespace perdure
