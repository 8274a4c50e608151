#ifndef PERDURE_PARALLEL_TASKS_TASK_SIDE_H_
#define PERDURE_PARALLEL_TASKS_TASK_SIDE_H_

// A rank's part in one step's exchange: that of the coordinator or of a worker.

#include <deque>
#include <memory>
#include <vector>

#include "parallel/tasks/task_exchange.h"

namespace perdure {

// In time-outs of the group. Who is silent is to be named by the coordinator,
// before another rank would name the coordinator, which only waits, too; and
// before a collective that the others have gone on to gives up.
inline constexpr double kWaitForAnswer = 1;
inline constexpr double kWaitForGoodbye = 0.75;  // from the result on
inline constexpr double kWaitForCoordinator = 2;

class TaskSide {
 public:
  virtual ~TaskSide() = default;

  // This rank's tasks, in order.
  virtual const std::deque<int>& list() const = 0;
  // The result is there: nothing is left to be computed.
  bool finished() const { return finished_; }
  // Complete once finished.
  TaskAnswers& answers() { return answers_; }

  // Takes in what has come; never blocks.
  virtual absl::Status Poll() = 0;
  // This rank has computed the first task of its list.
  virtual absl::Status Deliver(std::vector<double> answer) = 0;
  // With an empty list: blocks until there is a task, or something else has
  // happened.
  virtual absl::Status AwaitWork() = 0;
  // Finished: blocks until the others know. Returns a signal that came too late
  // for this step's answers, or 0.
  virtual absl::StatusOr<int> Finish() = 0;

 protected:
  bool finished_ = false;
  TaskAnswers answers_;
};

std::unique_ptr<TaskSide> MakeTaskCoordinator(
    Communicator* comm, const std::vector<StepTask>& tasks,
    const TaskExchange::Options& options);
std::unique_ptr<TaskSide> MakeTaskWorker(Communicator* comm,
                                         const std::vector<StepTask>& tasks,
                                         const TaskExchange::Options& options);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_TASKS_TASK_SIDE_H_
