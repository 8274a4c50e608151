#include "parallel/tasks/task_exchange.h"

#include <algorithm>
#include <utility>

#include "parallel/tasks/task_side.h"

namespace perdure {

TaskExchange::TaskExchange(Communicator* comm) : comm_(comm) {}
TaskExchange::~TaskExchange() = default;

absl::Status TaskExchange::Interrupt() {
  if (side_ == nullptr || current_ < 0) return absl::OkStatus();
  RETURN_IF_ERROR(side_->Poll());
  const std::deque<int>& list = side_->list();
  if (side_->finished() || list.empty() || list.front() != current_) {
    return absl::AbortedError("another rank has computed this task");
  }
  return absl::OkStatus();
}

absl::Status TaskExchange::Work(const std::vector<StepTask>& tasks,
                                Compute compute) {
  while (true) {
    RETURN_IF_ERROR(side_->Poll());
    if (side_->finished()) return absl::OkStatus();
    if (side_->list().empty()) {
      RETURN_IF_ERROR(side_->AwaitWork());
      continue;
    }
    current_ = side_->list().front();
    std::vector<double> answer(
        static_cast<size_t>(tasks[static_cast<size_t>(current_)].numbers));
    const absl::Status status = compute(current_, &answer);
    current_ = -1;
    if (absl::IsAborted(status)) continue;
    RETURN_IF_ERROR(status);
    RETURN_IF_ERROR(side_->Deliver(std::move(answer)));
  }
}

absl::StatusOr<TaskAnswers> TaskExchange::Run(
    const std::vector<StepTask>& tasks, const Options& options,
    Compute compute) {
  Options mine = options;
  mine.signal = std::max(options.signal, std::exchange(late_signal_, 0));
  side_ = comm_->rank() == options.coordinator
              ? MakeTaskCoordinator(comm_, tasks, mine)
              : MakeTaskWorker(comm_, tasks, mine);
  absl::Status status = Work(tasks, compute);
  if (status.ok()) {
    const absl::StatusOr<int> late = side_->Finish();
    status = late.status();
    if (late.ok()) late_signal_ = *late;
  }
  // Before the side goes, whose messages may still be under way.
  if (!status.ok()) status = comm_->Fail(status);
  const std::unique_ptr<TaskSide> side = std::move(side_);
  current_ = -1;
  RETURN_IF_ERROR(status);
  return std::move(side->answers());
}

}  // namespace perdure
