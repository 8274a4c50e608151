#ifndef PERDURE_RUNTIME_COMM_MAILBOX_H_
#define PERDURE_RUNTIME_COMM_MAILBOX_H_

// Point-to-point messages between threads. As with MPI, a small message is
// copied when it is sent and a large one waits for its receiver, so a program
// that relies on large sends to be buffered hangs (and is told) here, too.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "runtime/comm/failure_board.h"
#include "runtime/comm/wait.h"

namespace perdure {

// One side of a message.
struct Transfer {
  struct Key {
    int group = 0;
    int from = 0;
    int to = 0;
    int tag = 0;
    bool operator<(const Key& other) const {
      return std::tie(group, from, to, tag) <
             std::tie(other.group, other.from, other.to, other.tag);
    }
  };
  Key key;
  const void* source = nullptr;  // of a send
  void* target = nullptr;        // of a receive
  uint64_t bytes = 0;
  std::vector<char> copy;  // of a small message
  bool done = false;       // guarded by the mailbox, as is status
  absl::Status status;
};

// Thread-safe. `board` outlives the mailbox; after a failure all waits end.
class Mailbox {
 public:
  explicit Mailbox(const FailureBoard* board) : board_(board) {}

  // Shared by the caller and the queue of the other side.
  std::shared_ptr<Transfer> Send(const Transfer::Key& key, const void* data,
                                 uint64_t bytes);
  std::shared_ptr<Transfer> Receive(const Transfer::Key& key, void* data,
                                    uint64_t bytes);
  // True when `transfer` is done, false when the deadline passed or the board
  // has a failure.
  bool Wait(const Transfer& transfer, const Deadline& deadline);
  // Never blocks.
  bool Done(const Transfer& transfer);
  // Takes a transfer that is not done out of its queue.
  void Cancel(const std::shared_ptr<Transfer>& transfer);
  // After a report to the board.
  void WakeAll();

 private:
  using Queues = std::map<Transfer::Key, std::deque<std::shared_ptr<Transfer>>>;
  static std::shared_ptr<Transfer> PopFront(Queues& queues,
                                            const Transfer::Key& key);
  void Deliver(Transfer& send, Transfer& receive);

  const FailureBoard* board_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Queues sends_;  // without a receiver so far
  Queues receives_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_MAILBOX_H_
