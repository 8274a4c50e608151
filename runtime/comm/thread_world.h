#ifndef PERDURE_RUNTIME_COMM_THREAD_WORLD_H_
#define PERDURE_RUNTIME_COMM_THREAD_WORLD_H_

// What the thread-ranks of one process share.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/comm/failure_board.h"
#include "runtime/comm/mailbox.h"
#include "runtime/comm/memory_map.h"
#include "runtime/comm/shared_area.h"

namespace perdure {

// One per RunThreadRanks: a failure of any rank ends the waits of all.
struct ThreadWorld {
  FailureBoard board;
  Mailbox mailbox{&board};
  bool crowded = false;
  std::atomic<int> next_group{0};

  void Report(int world_rank, const absl::Status& status) {
    board.Report(world_rank, status);
    mailbox.WakeAll();
  }
};

// Hands one object to all ranks of a group: the first that asks for a key makes
// it, the last takes it away.
class Meeting {
 public:
  template <typename T, typename Make>
  std::shared_ptr<T> Get(const std::string& key, int ranks, const Make& make) {
    std::lock_guard<std::mutex> lock(mutex_);
    Entry& entry = entries_[key];
    if (entry.takers == 0) entry.object = make();
    ++entry.takers;
    auto object = std::static_pointer_cast<T>(entry.object);
    if (entry.takers == ranks) entries_.erase(key);
    return object;
  }

 private:
  struct Entry {
    std::shared_ptr<void> object;
    int takers = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

// Shared by the ranks of a group, so the last one that leaves frees it.
struct ThreadGroup {
  std::shared_ptr<ThreadWorld> world;
  int id = 0;
  Meeting meeting;
  MemoryMap memory;
  std::vector<SharedArea*> areas;  // in memory, by rank
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_THREAD_WORLD_H_
