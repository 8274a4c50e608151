#ifndef PERDURE_PARALLEL_TASKS_TASK_LINK_H_
#define PERDURE_PARALLEL_TASKS_TASK_LINK_H_

// One end of the conversation between the coordinator of a step's tasks and a
// worker: short messages, some of which announce numbers that follow.

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/comm/communicator.h"

namespace perdure {

// Travels between ranks of one build: trivially copyable, no padding.
struct TaskMessage {
  enum Kind : int32_t {
    // From a worker.
    kAnswer = 1,  // to `task`; its numbers follow
    kWant = 2,    // its list is empty
    kBye = 3,     // to kResult; its last
    // From the coordinator.
    kTask = 4,    // `task` is put on the worker's list
    kSkip = 5,    // `task` is taken off it
    kResult = 6,  // all answers follow; its last
  };
  int32_t kind = 0;
  int32_t task = 0;
  int64_t step = 0;
  int32_t signal = 0;  // the sender's; kResult: the largest known
  int32_t unused = 0;
};
static_assert(sizeof(TaskMessage) == 24);

class TaskLink {
 public:
  // `comm` outlives the link.
  TaskLink(Communicator* comm, int peer) : comm_(comm), peer_(peer) {}
  TaskLink(TaskLink&&) = default;

  int peer() const { return peer_; }

  // From now on one message of the peer's is waited for. Nothing may be.
  absl::Status Listen();
  // That message, once it has come; Listen for the next. Internal if it belongs
  // to another step.
  absl::StatusOr<std::optional<TaskMessage>> Take(int64_t step);
  // What is waited for; nullptr: nothing.
  CommRequest* waiting() { return request_.get(); }
  // The numbers that a message announced: blocks for a moment.
  absl::Status TakeNumbers(std::vector<double>* numbers);

  // Does not block. `numbers`: those that `message` announces.
  absl::Status Send(const TaskMessage& message,
                    std::vector<double> numbers = {});
  // Blocks until all has been sent.
  absl::Status Finish();

 private:
  struct Outgoing {
    TaskMessage message;
    std::vector<double> numbers;
    std::unique_ptr<CommRequest> sends[2];
  };

  Communicator* comm_;
  int peer_;
  std::unique_ptr<TaskMessage> incoming_ = std::make_unique<TaskMessage>();
  std::unique_ptr<CommRequest> request_;
  std::list<Outgoing> outgoing_;  // stays where it is while it is sent
};

// DeadlineExceeded: none of `ranks` has sent anything within `timeout`.
absl::Status SilenceError(const Communicator& comm,
                          const std::vector<int>& ranks,
                          absl::Duration timeout);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_TASKS_TASK_LINK_H_
