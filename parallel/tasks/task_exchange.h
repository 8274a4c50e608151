#ifndef PERDURE_PARALLEL_TASKS_TASK_EXCHANGE_H_
#define PERDURE_PARALLEL_TASKS_TASK_EXCHANGE_H_

// A step's work as tasks whose answers are a few numbers, computed together by
// the ranks of a group so that a slow rank is not waited for. One rank
// coordinates; all messages go between it and each of the others, no collective
// is used. The first answer to a task counts; who computes the same task drops
// it at its next block and takes the result. All ranks that compute a task must
// get the same bits (design I5), so who was first changes nothing.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "parallel/tasks/task_board.h"
#include "runtime/comm/communicator.h"

namespace perdure {

// The same on all ranks.
struct TaskAnswers {
  std::vector<std::vector<double>> numbers;  // by task
  std::vector<int> winners;                  // by task: who computed it
  int signal = 0;                            // the largest known in time
};

class TaskSide;

class TaskExchange {
 public:
  struct Options {
    int64_t step = 0;            // names the exchange in messages
    int coordinator = 0;         // best a fast rank
    bool share = false;          // idle ranks compute other ranks' tasks
    int signal = 0;              // of this rank
    std::vector<double> speeds;  // by rank, see TaskBoard
  };
  // Fills the answer of a task. An error that Interrupt gave is handed on.
  using Compute =
      absl::FunctionRef<absl::Status(int task, std::vector<double>* answer)>;

  // `comm` outlives the exchange.
  explicit TaskExchange(Communicator* comm);
  ~TaskExchange();

  // Collective over the group; tasks and options but the signal are the same on
  // all ranks. Unavailable or DeadlineExceeded as Communicator's calls: a dead
  // rank is not replaced, its generation ends. The coordinator names the rank
  // that is silent; the others, which wait for the coordinator, do so for twice
  // the group's time-out. After any error the communicator has failed.
  absl::StatusOr<TaskAnswers> Run(const std::vector<StepTask>& tasks,
                                  const Options& options, Compute compute);

  // To be called by `compute` after each block: serves the others. Aborted:
  // this task is no longer wanted.
  absl::Status Interrupt();

 private:
  absl::Status Work(const std::vector<StepTask>& tasks, Compute compute);

  Communicator* comm_;
  std::unique_ptr<TaskSide> side_;  // during Run
  int current_ = -1;                // the task that is being computed
  int late_signal_ = 0;             // came too late for the last step
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_TASKS_TASK_EXCHANGE_H_
