#include "checkpoint/snapshot/staging_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "checkpoint/format/storage.h"
#include "glog/logging.h"

namespace perdure {
namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;

uint64_t RoundUp(uint64_t bytes, uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

uint64_t StagingPool::PagesFor(uint64_t bytes) {
  return RoundUp(bytes, kPageBytes);
}

absl::StatusOr<std::unique_ptr<StagingPool>> StagingPool::Create(
    uint64_t bytes) {
  const uint64_t capacity = RoundUp(std::max(bytes, kPageBytes), kPageBytes);
  absl::StatusOr<MemoryMap> memory = MemoryMap::Anonymous(capacity + kHugePage);
  if (!memory.ok()) {
    return Annotate(memory.status(),
                    "the pool for snapshots; set snapshot.pool_mb lower");
  }
  const auto address = reinterpret_cast<uint64_t>(memory->data());
  char* base = memory->data() + (RoundUp(address, kHugePage) - address);
  // Only a hint: fewer page faults now, fewer TLB misses in every copy.
  ::madvise(base, capacity, MADV_HUGEPAGE);
  for (uint64_t at = 0; at < capacity; at += kPageBytes) base[at] = 0;
  return std::unique_ptr<StagingPool>(
      new StagingPool(*std::move(memory), base, capacity));
}

char* StagingPool::Acquire(uint64_t bytes, absl::Time deadline) {
  const uint64_t size = PagesFor(bytes);
  CHECK_LE(size, capacity_) << "a pool of " << capacity_;
  std::unique_lock lock(mutex_);
  if (pieces_.empty()) head_ = 0;
  uint64_t begin = head_;
  // A piece does not wrap: what is left at the end is skipped.
  if (begin % capacity_ + size > capacity_) begin = RoundUp(begin, capacity_);
  const auto fits = [&] {
    return pieces_.empty() || begin + size - pieces_.front().begin <= capacity_;
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
  return base_ + begin % capacity_;
}

void StagingPool::Release(char* data) {
  const std::lock_guard lock(mutex_);
  const uint64_t at =
      static_cast<uint64_t>(data - base_) / kPageBytes * kPageBytes;
  const auto piece = std::find_if(
      pieces_.begin(), pieces_.end(),
      [&](const Piece& p) { return p.begin % capacity_ == at && !p.released; });
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
