#ifndef PERDURE_CHECKPOINT_SNAPSHOT_STAGING_POOL_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_STAGING_POOL_H_

// Memory that a rank's state is copied into, so that training can go on while
// it is written: a ring, taken from in order and given back in any. Its pages
// are there from the start, so that a save only copies.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/time/time.h"
#include "runtime/base/status.h"
#include "runtime/comm/memory_map.h"

namespace perdure {

class StagingPool {
 public:
  // ResourceExhausted with the size asked for. Blocks while all of it is
  // touched.
  static absl::StatusOr<std::unique_ptr<StagingPool>> Create(uint64_t bytes);

  uint64_t bytes() const { return memory_.bytes(); }
  // What Acquire takes for `bytes` bytes: whole pages.
  static uint64_t PagesFor(uint64_t bytes);

  // `bytes` bytes, page-aligned, at most all of the pool. One thread calls;
  // waits until others have given back enough. nullptr: not in time.
  char* Acquire(uint64_t bytes, absl::Time deadline);
  // `data`: an address in the first page of what Acquire gave.
  void Release(char* data);

  // Seconds that Acquire has waited since the last call.
  double TakeSecondsWaited();

 private:
  // Bytes [begin, end) on an endless line, of which the ring is a window.
  struct Piece {
    uint64_t begin, end;
    bool released;
  };

  explicit StagingPool(MemoryMap memory) : memory_(std::move(memory)) {}

  const MemoryMap memory_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Piece> pieces_;  // in order of Acquire
  uint64_t head_ = 0;         // the next piece begins here
  double waited_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_STAGING_POOL_H_
