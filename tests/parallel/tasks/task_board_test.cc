#include "parallel/tasks/task_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// `each` tasks of each of `ranks` ranks, numbered rank by rank.
std::vector<StepTask> EachHas(int ranks, int each) {
  std::vector<StepTask> tasks;
  for (int r = 0; r < ranks; ++r) {
    for (int i = 0; i < each; ++i) tasks.push_back({{r}, 1});
  }
  return tasks;
}

TEST(TaskBoardTest, OwnersHaveTheirTasksInOrder) {
  const TaskBoard board(EachHas(3, 2), 3);
  EXPECT_THAT(board.list(0), ElementsAre(0, 1));
  EXPECT_THAT(board.list(2), ElementsAre(4, 5));
  EXPECT_FALSE(board.done());
}

TEST(TaskBoardTest, AnIdleRankTakesTheEndOfTheLongestList) {
  TaskBoard board(EachHas(3, 3), 3);
  for (int t : {0, 1, 2}) board.Answer(t, 0);
  board.Answer(3, 1);
  const auto grant = board.Next(0);
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->task, 8);
  EXPECT_EQ(grant->taken_from, 2);
  EXPECT_THAT(board.list(2), ElementsAre(6, 7));
  EXPECT_THAT(board.list(0), ElementsAre(8));
}

TEST(TaskBoardTest, WhatHasBegunIsCopiedOnceWhenNothingElseIsLeft) {
  TaskBoard board(EachHas(3, 1), 3);
  board.Answer(0, 0);
  const auto copy = board.Next(0);
  ASSERT_TRUE(copy.has_value());
  EXPECT_EQ(copy->task, 1);
  EXPECT_EQ(copy->taken_from, -1);
  // Rank 1 still has it: whoever is first wins, the other is told.
  EXPECT_THAT(board.list(1), ElementsAre(1));
  board.Answer(2, 2);
  EXPECT_FALSE(board.Next(2).has_value());
  EXPECT_THAT(board.Answer(1, 0), ElementsAre(0, 1));
  EXPECT_TRUE(board.done());
  EXPECT_THAT(board.list(1), IsEmpty());
}

TEST(TaskBoardTest, ASlowRankTakesNothingThatOthersAreDoneWithEarlier) {
  TaskBoard board(EachHas(3, 3), 3, {1, 0.25, 1});
  for (int t : {3, 4, 5}) board.Answer(t, 1);
  // Three tasks of a rank that is four times as fast.
  EXPECT_FALSE(board.Next(1).has_value());
  board.Answer(0, 0);
  for (int t : {6, 7, 8}) board.Answer(t, 2);
  EXPECT_EQ(board.Next(2)->task, 2);
  EXPECT_FALSE(board.Next(1).has_value());
}

TEST(TaskBoardTest, TheListThatTakesLongestIsHelpedFirst) {
  TaskBoard board(EachHas(3, 3), 3, {1, 1, 0.5});
  for (int t : {0, 1, 2}) board.Answer(t, 0);
  board.Answer(6, 2);
  // Two tasks at half the speed, beside three at the whole.
  EXPECT_EQ(board.Next(0)->taken_from, 2);
}

TEST(TaskBoardTest, OnlyTheFirstAnswerCounts) {
  TaskBoard board({{{0, 1}, 1}, {{2, 3}, 1}}, 4);
  EXPECT_THAT(board.Answer(0, 1), ElementsAre(1, 0));
  EXPECT_THAT(board.Answer(0, 0), IsEmpty());
  EXPECT_THAT(board.winners(), ElementsAre(1, -1));
  EXPECT_THAT(board.Answer(1, 2), ElementsAre(2, 3));
  EXPECT_TRUE(board.done());
}

// An owner may answer a task that was taken from it while it was under way.
TEST(TaskBoardTest, AnAnswerOfTheFormerOwnerCounts) {
  TaskBoard board(EachHas(2, 2), 2);
  board.Answer(0, 0);
  board.Answer(1, 0);
  ASSERT_EQ(board.Next(0)->task, 3);
  EXPECT_THAT(board.Answer(3, 1), ElementsAre(1, 0));
  EXPECT_THAT(board.list(0), IsEmpty());
}

}  // namespace
}  // namespace perdure
