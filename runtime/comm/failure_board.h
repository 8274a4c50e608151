#ifndef PERDURE_RUNTIME_COMM_FAILURE_BOARD_H_
#define PERDURE_RUNTIME_COMM_FAILURE_BOARD_H_

// Where ranks that share memory post the first failure, so that the others stop
// waiting at once. Lives in shared memory of threads or processes.

#include <atomic>
#include <cstdint>
#include <string>

#include "runtime/base/status.h"

namespace perdure {

class FailureBoard {
 public:
  // The first report stays. A DeadlineExceeded or Internal code is handed on to
  // the readers; every other failure is an Unavailable peer to them.
  void Report(int world_rank, const absl::Status& status);
  bool failed() const {
    return state_.load(std::memory_order_acquire) >= kPosted;
  }
  // Who reported; after that.
  int world_rank() const { return world_rank_; }
  // The error of a rank that was doing `what` when it saw the report.
  absl::Status StatusFor(const std::string& what) const;

 private:
  enum : uint32_t { kEmpty = 0, kWriting = 1, kPosted = 2 };
  std::atomic<uint32_t> state_{kEmpty};
  int32_t world_rank_ = 0;
  int32_t code_ = 0;
  char text_[500] = {};  // cut, NUL-terminated
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_FAILURE_BOARD_H_
