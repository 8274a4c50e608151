#ifndef PERDURE_CHECKPOINT_SNAPSHOT_READ_AHEAD_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_READ_AHEAD_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

// Threads that do rounds 0, 1, ... of a work ahead of the one who takes them,
// as far as there is room, so that a disk always has requests.
class ReadAhead {
 public:
  // `work(round)` runs on any of the threads, several rounds at a time.
  // Rounds below `room` may begin at once.
  ReadAhead(size_t threads, size_t rounds, size_t room,
            std::function<absl::Status(size_t round)> work);
  // Waits for what runs; begins nothing more.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Rounds below `room` may begin.
  void Allow(size_t room);
  // Blocks until the round, which must be allowed, is done: what `work` gave.
  absl::Status Wait(size_t round);

 private:
  void Work();

  const std::function<absl::Status(size_t round)> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t next_ = 0;  // to begin
  size_t room_;
  bool stopping_ = false;
  std::vector<bool> done_;             // by round
  std::vector<absl::Status> results_;  // by round
  std::vector<std::thread> threads_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_READ_AHEAD_H_
