#ifndef PERDURE_RUNTIME_COMM_SHARED_AREA_H_
#define PERDURE_RUNTIME_COMM_SHARED_AREA_H_

// What one rank shows to the others of its group (see shared_collectives.h).
// Written by its rank only, except the board. Ranks of one build share it.

#include <atomic>
#include <cstdint>

#include "runtime/comm/failure_board.h"
#include "runtime/comm/group.h"

namespace perdure {

// A multiple of two cache lines: neighbours are prefetched in pairs.
constexpr size_t kSharedLine = 128;
constexpr uint64_t kSmallBytes = 8 << 10;
// A piece of each of a few ranks fits in a second-level cache; four slots let
// neighbours be one stage apart without waiting.
constexpr uint64_t kSlotBytes = 256 << 10;
constexpr uint64_t kSlots = 4;
// The meeting of call N ends when all have entered N, so nobody reads the small
// payload of N - 2 any more; a rank that gave up in N - 2 may still look at the
// calls, for its message.
constexpr uint64_t kSmallSlots = 2;
constexpr uint64_t kCallSlots = 4;

struct SharedArea {
  alignas(kSharedLine) std::atomic<uint64_t> entered{0};  // sequence number
  CollectiveCall calls[kCallSlots];                       // by sequence number
  alignas(kSharedLine) std::atomic<uint64_t> staged{0};
  alignas(kSharedLine) std::atomic<uint64_t> reduced{0};
  alignas(kSharedLine) std::atomic<uint64_t> taken{0};
  alignas(kSharedLine) FailureBoard board;
  alignas(kSharedLine) char small[kSmallSlots][kSmallBytes];
  alignas(4096) char slots[kSlots][kSlotBytes];
};

enum class SharedStage { kEntered, kStaged, kReduced, kTaken };

inline std::atomic<uint64_t>& CounterOf(SharedArea& area, SharedStage stage) {
  switch (stage) {
    case SharedStage::kEntered:
      return area.entered;
    case SharedStage::kStaged:
      return area.staged;
    case SharedStage::kReduced:
      return area.reduced;
    case SharedStage::kTaken:
      break;
  }
  return area.taken;
}
static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_SHARED_AREA_H_
