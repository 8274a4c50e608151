#include "parallel/tasks/task_board.h"

#include <algorithm>
#include <utility>

namespace perdure {
namespace {

// Copies of a task under way at most: one rank may be slow, not two.
constexpr int kCopies = 2;

bool Has(const std::deque<int>& list, int task) {
  return std::find(list.begin(), list.end(), task) != list.end();
}

}  // namespace

TaskBoard::TaskBoard(const std::vector<StepTask>& tasks, int ranks,
                     std::vector<double> speeds)
    : speeds_(std::move(speeds)),
      lists_(static_cast<size_t>(ranks)),
      winners_(tasks.size(), -1),
      left_(tasks.size()) {
  speeds_.resize(lists_.size(), 1);
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

double TaskBoard::TimeOf(size_t list) const {
  return static_cast<double>(lists_[list].size()) / speeds_[list];
}

std::optional<TaskGrant> TaskBoard::Take(int rank) {
  size_t slowest = lists_.size();
  for (size_t r = 0; r < lists_.size(); ++r) {
    if (lists_[r].size() < 2) continue;
    if (slowest == lists_.size() || TimeOf(r) > TimeOf(slowest)) slowest = r;
  }
  const double own = 1 / speeds_[static_cast<size_t>(rank)];
  if (slowest == lists_.size() || own >= TimeOf(slowest)) return std::nullopt;
  TaskGrant grant;
  grant.task = lists_[slowest].back();
  grant.taken_from = static_cast<int>(slowest);
  lists_[slowest].pop_back();
  lists_[static_cast<size_t>(rank)].push_back(grant.task);
  return grant;
}

std::optional<TaskGrant> TaskBoard::Copy(int rank) {
  for (size_t r = 0; r < lists_.size(); ++r) {
    const std::deque<int>& list = lists_[r];
    if (list.empty() || Runners(list.front()) >= kCopies) continue;
    // A slower rank would not be done first.
    if (speeds_[static_cast<size_t>(rank)] < speeds_[r]) continue;
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
