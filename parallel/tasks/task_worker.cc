#include <algorithm>

#include "parallel/tasks/task_link.h"
#include "parallel/tasks/task_side.h"

namespace perdure {
namespace {

class TaskWorker : public TaskSide {
 public:
  TaskWorker(Communicator* comm, const std::vector<StepTask>& tasks,
             const TaskExchange::Options& options)
      : comm_(comm),
        options_(options),
        tasks_(tasks),
        list_(TaskBoard(tasks, comm->size()).list(comm->rank())),
        link_(comm, options.coordinator) {}

  const std::deque<int>& list() const override { return list_; }

  absl::Status Poll() override {
    while (!finished_) {
      if (link_.waiting() == nullptr) RETURN_IF_ERROR(link_.Listen());
      ASSIGN_OR_RETURN(const std::optional<TaskMessage> message,
                       link_.Take(options_.step));
      if (!message.has_value()) return absl::OkStatus();
      RETURN_IF_ERROR(Handle(*message));
    }
    return absl::OkStatus();
  }

  absl::Status Deliver(std::vector<double> answer) override {
    const int task = list_.front();
    list_.pop_front();
    return Send(TaskMessage::kAnswer, task, std::move(answer));
  }

  absl::Status AwaitWork() override {
    if (options_.share && !wants_) {
      wants_ = true;
      RETURN_IF_ERROR(Send(TaskMessage::kWant, 0));
    }
    const absl::Duration timeout = kWaitForCoordinator * comm_->timeout();
    ASSIGN_OR_RETURN(const bool any,
                     comm_->WaitAny({link_.waiting()}, timeout));
    return any ? absl::OkStatus()
               : SilenceError(*comm_, {link_.peer()}, timeout);
  }

  absl::StatusOr<int> Finish() override {
    RETURN_IF_ERROR(Send(TaskMessage::kBye, 0));
    RETURN_IF_ERROR(link_.Finish());
    return 0;
  }

 private:
  absl::Status Send(TaskMessage::Kind kind, int task,
                    std::vector<double> numbers = {}) {
    return link_.Send({kind, task, options_.step, options_.signal, 0},
                      std::move(numbers));
  }

  absl::Status Handle(const TaskMessage& message) {
    if (message.kind == TaskMessage::kTask) {
      list_.push_back(message.task);
      wants_ = false;
    } else if (message.kind == TaskMessage::kSkip) {
      std::erase(list_, message.task);
    } else {
      return TakeResult(message);
    }
    return absl::OkStatus();
  }

  // By task the winner, then all answers.
  absl::Status TakeResult(const TaskMessage& message) {
    size_t size = tasks_.size();
    for (const StepTask& task : tasks_) {
      size += static_cast<size_t>(task.numbers);
    }
    std::vector<double> numbers(size);
    RETURN_IF_ERROR(link_.TakeNumbers(&numbers));
    auto next = numbers.begin();
    for (size_t t = 0; t < tasks_.size(); ++t) {
      answers_.winners.push_back(static_cast<int>(*next++));
    }
    for (const StepTask& task : tasks_) {
      answers_.numbers.emplace_back(next, next + task.numbers);
      next += task.numbers;
    }
    answers_.signal = message.signal;
    finished_ = true;
    return absl::OkStatus();
  }

  Communicator* comm_;
  TaskExchange::Options options_;
  const std::vector<StepTask>& tasks_;
  std::deque<int> list_;
  TaskLink link_;
  bool wants_ = false;  // has asked and got no task since
};

}  // namespace

std::unique_ptr<TaskSide> MakeTaskWorker(Communicator* comm,
                                         const std::vector<StepTask>& tasks,
                                         const TaskExchange::Options& options) {
  return std::make_unique<TaskWorker>(comm, tasks, options);
}

}  // namespace perdure
