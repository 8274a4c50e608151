#ifndef PERDURE_PARALLEL_TASKS_TASK_BOARD_H_
#define PERDURE_PARALLEL_TASKS_TASK_BOARD_H_

// Who computes which of a step's tasks: the coordinator's book. Pure; no
// communication, no clock.

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace perdure {

// A piece of a step's work. Every rank that computes it gets the same bits.
struct StepTask {
  std::vector<int> owners;  // ranks that compute it unasked
  int64_t numbers = 0;      // of its answer
};

// What a rank with nothing left to do is given.
struct TaskGrant {
  int task = 0;
  int taken_from = -1;  // the rank that is not to begin it; -1: a second copy
};

class TaskBoard {
 public:
  // Each rank computes its tasks in the order of the list. `speeds` by rank, as
  // parts of an ordinary one; empty: all alike.
  TaskBoard(const std::vector<StepTask>& tasks, int ranks,
            std::vector<double> speeds = {});

  // `rank` has computed `task`. Empty if another was first; otherwise the ranks
  // that are to leave the task alone from now on, the first entry being `rank`.
  std::vector<int> Answer(int task, int rank);

  // Work for an idle rank: a task that nobody has begun, from the end of the
  // list that will take longest, or a second copy of one that has been begun
  // but not answered (backup requests: Dean and Barroso, "The Tail at Scale",
  // 2013). Nothing that the others would be done with earlier. A rank is taken
  // to be at the first task of its list, and tasks to be of one size.
  std::optional<TaskGrant> Next(int rank);

  // What is left of a rank's list.
  const std::deque<int>& list(int rank) const {
    return lists_[static_cast<size_t>(rank)];
  }
  // By task: whose answer counts; -1: none yet.
  const std::vector<int>& winners() const { return winners_; }
  bool done() const { return left_ == 0; }

 private:
  double TimeOf(size_t list) const;  // until the rank is done with it
  int Runners(int task) const;
  std::optional<TaskGrant> Take(int rank);
  std::optional<TaskGrant> Copy(int rank);

  std::vector<double> speeds_;          // by rank
  std::vector<std::deque<int>> lists_;  // by rank
  std::vector<int> winners_;
  size_t left_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_TASKS_TASK_BOARD_H_
