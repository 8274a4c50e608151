#include "checkpoint/snapshot/read_ahead.h"

#include <algorithm>
#include <utility>

#include "glog/logging.h"

namespace perdure {

ReadAhead::ReadAhead(size_t threads, size_t rounds, size_t room,
                     std::function<absl::Status(size_t round)> work)
    : work_(std::move(work)), room_(room), done_(rounds), results_(rounds) {
  for (size_t i = 0; i < std::min(threads, rounds); ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReadAhead::Allow(size_t room) {
  {
    const std::lock_guard lock(mutex_);
    room_ = room;
  }
  changed_.notify_all();
}

absl::Status ReadAhead::Wait(size_t round) {
  std::unique_lock lock(mutex_);
  CHECK_LT(round, std::min(room_, done_.size())) << "it will never begin";
  changed_.wait(lock, [&] { return done_[round]; });
  return results_[round];
}

void ReadAhead::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] {
      return stopping_ || next_ == done_.size() || next_ < room_;
    });
    if (stopping_ || next_ == done_.size()) return;
    const size_t round = next_++;
    lock.unlock();
    absl::Status result = work_(round);
    lock.lock();
    results_[round] = std::move(result);
    done_[round] = true;
    changed_.notify_all();
  }
}

}  // namespace perdure
