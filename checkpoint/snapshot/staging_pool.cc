#include "checkpoint/snapshot/staging_pool.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "checkpoint/format/storage.h"
#include "glog/logging.h"

namespace perdure {
namespace {

uint64_t RoundUp(uint64_t bytes, uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

uint64_t StagingPool::PagesFor(uint64_t bytes) {
  return RoundUp(bytes, kPageBytes);
}

absl::StatusOr<std::unique_ptr<StagingPool>> StagingPool::Create(
    uint64_t bytes) {
  absl::StatusOr<MemoryMap> memory =
      MemoryMap::Touched(PagesFor(std::max(bytes, kPageBytes)));
  if (!memory.ok()) {
    return Annotate(memory.status(),
                    "the pool for snapshots; set snapshot.pool_mb lower");
  }
  return std::unique_ptr<StagingPool>(new StagingPool(*std::move(memory)));
}

char* StagingPool::Acquire(uint64_t bytes, absl::Time deadline) {
  const uint64_t size = PagesFor(bytes);
  const uint64_t capacity = memory_.bytes();
  CHECK_LE(size, capacity) << "a pool of " << capacity;
  std::unique_lock lock(mutex_);
  if (pieces_.empty()) head_ = 0;
  uint64_t begin = head_;
  // A piece does not wrap: what is left at the end is skipped.
  if (begin % capacity + size > capacity) begin = RoundUp(begin, capacity);
  const auto fits = [&] {
    return pieces_.empty() || begin + size - pieces_.front().begin <= capacity;
  };
  if (!fits()) {
    const absl::Time start = absl::Now();
    const bool in_time =
        room_.wait_until(lock, absl::ToChronoTime(deadline), fits);
    waited_ += absl::ToDoubleSeconds(absl::Now() - start);
    if (!in_time) return nullptr;
  }
  pieces_.push_back({begin, begin + size, false});
  head_ = begin + size;
  return memory_.data() + begin % capacity;
}

void StagingPool::Release(char* data) {
  const std::lock_guard lock(mutex_);
  const uint64_t at =
      static_cast<uint64_t>(data - memory_.data()) / kPageBytes * kPageBytes;
  const auto piece = std::find_if(
      pieces_.begin(), pieces_.end(),
      [&](const Piece& p) { return p.begin % bytes() == at && !p.released; });
  CHECK(piece != pieces_.end()) << "not acquired";
  piece->released = true;
  while (!pieces_.empty() && pieces_.front().released) pieces_.pop_front();
  room_.notify_one();
}

double StagingPool::TakeSecondsWaited() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waited_, 0);
}

}  // namespace perdure
