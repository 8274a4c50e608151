#include <algorithm>
#include <chrono>

#include "absl/time/time.h"
#include "parallel/tasks/task_link.h"
#include "parallel/tasks/task_side.h"

namespace perdure {
namespace {

class TaskCoordinator : public TaskSide {
 public:
  TaskCoordinator(Communicator* comm, const std::vector<StepTask>& tasks,
                  const TaskExchange::Options& options)
      : comm_(comm),
        options_(options),
        board_(tasks, comm->size(), options.speeds) {
    answers_.numbers.resize(tasks.size());
    for (size_t t = 0; t < tasks.size(); ++t) {
      answers_.numbers[t].resize(static_cast<size_t>(tasks[t].numbers));
    }
    answers_.signal = options.signal;
    for (int r = 0; r < comm->size(); ++r) {
      if (r != comm->rank()) links_.emplace_back(comm, r);
    }
    left_ = links_.size();
  }

  const std::deque<int>& list() const override {
    return board_.list(comm_->rank());
  }

  absl::Status Poll() override {
    if (!listening_) {
      listening_ = true;
      for (TaskLink& link : links_) RETURN_IF_ERROR(link.Listen());
    }
    for (TaskLink& link : links_) {
      while (true) {
        ASSIGN_OR_RETURN(const std::optional<TaskMessage> message,
                         link.Take(options_.step));
        if (!message.has_value()) break;
        RETURN_IF_ERROR(Handle(&link, *message));
      }
    }
    // No task at all, as in a group of ranks without a share.
    return finished_ || !board_.done() ? absl::OkStatus() : Publish();
  }

  absl::Status Deliver(std::vector<double> answer) override {
    return Count(list().front(), comm_->rank(), std::move(answer));
  }

  absl::Status AwaitWork() override {
    if (options_.share) {
      if (const auto grant = board_.Next(comm_->rank())) {
        return Tell(grant->taken_from, TaskMessage::kSkip, grant->task);
      }
    }
    return WaitForMessage(kWaitForAnswer * comm_->timeout());
  }

  absl::StatusOr<int> Finish() override {
    const absl::Duration timeout = kWaitForGoodbye * comm_->timeout();
    while (left_ > 0) {
      RETURN_IF_ERROR(WaitForMessage(
          timeout - absl::FromChrono(Clock::now() - published_)));
      RETURN_IF_ERROR(Poll());
    }
    for (TaskLink& link : links_) RETURN_IF_ERROR(link.Finish());
    return late_signal_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  // An error names who owes a message: an answer or, after the result, its
  // last. Idle ranks wait themselves.
  absl::Status WaitForMessage(absl::Duration timeout) {
    std::vector<CommRequest*> requests;
    std::vector<int> owing;
    for (TaskLink& link : links_) {
      if (link.waiting() == nullptr) continue;
      requests.push_back(link.waiting());
      if (finished_ || !board_.list(link.peer()).empty()) {
        owing.push_back(link.peer());
      }
    }
    ASSIGN_OR_RETURN(const bool any, comm_->WaitAny(requests, timeout));
    if (any) return absl::OkStatus();
    return SilenceError(
        *comm_, owing,
        (finished_ ? kWaitForGoodbye : kWaitForAnswer) * comm_->timeout());
  }

  // Nothing for this rank itself, whose list the board is, nor for rank -1.
  absl::Status Tell(int rank, TaskMessage::Kind kind, int task) {
    for (TaskLink& link : links_) {
      if (link.peer() == rank) {
        return link.Send({kind, task, options_.step, 0, 0});
      }
    }
    return absl::OkStatus();
  }

  absl::Status Handle(TaskLink* link, const TaskMessage& message) {
    int& signal = finished_ ? late_signal_ : answers_.signal;
    signal = std::max(signal, message.signal);
    if (message.kind == TaskMessage::kBye) {
      --left_;
      return absl::OkStatus();
    }
    if (message.kind == TaskMessage::kAnswer) {
      std::vector<double> answer(
          answers_.numbers[static_cast<size_t>(message.task)].size());
      RETURN_IF_ERROR(link->TakeNumbers(&answer));
      RETURN_IF_ERROR(Count(message.task, link->peer(), std::move(answer)));
    } else if (const auto grant = board_.Next(link->peer())) {
      RETURN_IF_ERROR(Tell(link->peer(), TaskMessage::kTask, grant->task));
      RETURN_IF_ERROR(Tell(grant->taken_from, TaskMessage::kSkip, grant->task));
    }
    return link->Listen();
  }

  absl::Status Count(int task, int rank, std::vector<double> answer) {
    const std::vector<int> had = board_.Answer(task, rank);
    if (had.empty()) return absl::OkStatus();
    answers_.numbers[static_cast<size_t>(task)] = std::move(answer);
    if (board_.done()) return Publish();
    for (size_t i = 1; i < had.size(); ++i) {
      RETURN_IF_ERROR(Tell(had[i], TaskMessage::kSkip, task));
    }
    return absl::OkStatus();
  }

  absl::Status Publish() {
    finished_ = true;
    published_ = Clock::now();
    answers_.winners = board_.winners();
    std::vector<double> numbers(answers_.winners.begin(),
                                answers_.winners.end());
    for (const std::vector<double>& answer : answers_.numbers) {
      numbers.insert(numbers.end(), answer.begin(), answer.end());
    }
    for (TaskLink& link : links_) {
      RETURN_IF_ERROR(link.Send(
          {TaskMessage::kResult, 0, options_.step, answers_.signal, 0},
          numbers));
    }
    return absl::OkStatus();
  }

  Communicator* comm_;
  TaskExchange::Options options_;
  TaskBoard board_;
  std::vector<TaskLink> links_;  // to all the others
  bool listening_ = false;
  Clock::time_point published_;
  size_t left_;  // workers that have not said goodbye
  int late_signal_ = 0;
};

}  // namespace

std::unique_ptr<TaskSide> MakeTaskCoordinator(
    Communicator* comm, const std::vector<StepTask>& tasks,
    const TaskExchange::Options& options) {
  return std::make_unique<TaskCoordinator>(comm, tasks, options);
}

}  // namespace perdure
