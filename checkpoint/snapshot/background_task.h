#ifndef PERDURE_CHECKPOINT_SNAPSHOT_BACKGROUND_TASK_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_BACKGROUND_TASK_H_

#include <functional>
#include <future>
#include <thread>
#include <utility>

#include "absl/time/time.h"

namespace perdure {

// A function on a thread of its own. The thread is left behind if the object
// goes away before it is done, so the function owns all that it uses.
template <typename Result>
class BackgroundTask {
 public:
  explicit BackgroundTask(std::function<Result()> function) {
    std::packaged_task<Result()> task(std::move(function));
    result_ = task.get_future();
    std::thread(std::move(task)).detach();
  }

  // Whether it is done, at the latest after that time.
  bool Wait(absl::Duration duration) const {
    return result_.wait_for(absl::ToChronoNanoseconds(duration)) ==
           std::future_status::ready;
  }
  // Once; blocks until done.
  Result Take() { return result_.get(); }

 private:
  std::future<Result> result_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_BACKGROUND_TASK_H_
