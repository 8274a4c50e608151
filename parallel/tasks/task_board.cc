#include "parallel/tasks/task_board.h"

#include <algorithm>

namespace perdure {
namespace {

// Copies of a task under way at most: one rank may be slow, not two.
constexpr int kCopies = 2;

bool Has(const std::deque<int>& list, int task) {
  return std::find(list.begin(), list.end(), task) != list.end();
}

}  // namespace

TaskBoard::TaskBoard(const std::vector<StepTask>& tasks, int ranks)
    : lists_(static_cast<size_t>(ranks)),
      winners_(tasks.size(), -1),
      left_(tasks.size()) {
  for (size_t t = 0; t < tasks.size(); ++t) {
    for (int owner : tasks[t].owners) {
      lists_[static_cast<size_t>(owner)].push_back(static_cast<int>(t));
    }
  }
}

std::vector<int> TaskBoard::Answer(int task, int rank) {
  int& winner = winners_[static_cast<size_t>(task)];
  if (winner >= 0) return {};
  winner = rank;
  --left_;
  std::vector<int> had = {rank};
  for (size_t r = 0; r < lists_.size(); ++r) {
    const bool other = static_cast<int>(r) != rank;
    if (std::erase(lists_[r], task) > 0 && other) {
      had.push_back(static_cast<int>(r));
    }
  }
  return had;
}

int TaskBoard::Runners(int task) const {
  return static_cast<int>(
      std::count_if(lists_.begin(), lists_.end(),
                    [task](const auto& list) { return Has(list, task); }));
}

std::optional<TaskGrant> TaskBoard::Take(int rank) {
  const auto longest = std::max_element(
      lists_.begin(), lists_.end(),
      [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (longest->size() < 2) return std::nullopt;
  TaskGrant grant;
  grant.task = longest->back();
  grant.taken_from = static_cast<int>(longest - lists_.begin());
  longest->pop_back();
  lists_[static_cast<size_t>(rank)].push_back(grant.task);
  return grant;
}

std::optional<TaskGrant> TaskBoard::Copy(int rank) {
  for (const std::deque<int>& list : lists_) {
    if (list.empty() || Runners(list.front()) >= kCopies) continue;
    const TaskGrant grant{list.front(), -1};
    lists_[static_cast<size_t>(rank)].push_back(grant.task);
    return grant;
  }
  return std::nullopt;
}

std::optional<TaskGrant> TaskBoard::Next(int rank) {
  if (done()) return std::nullopt;
  if (auto grant = Take(rank)) return grant;
  return Copy(rank);
}

}  // namespace perdure
