#include "parallel/tasks/task_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "runtime/comm/backends.h"

namespace perdure {
namespace {

using testing::AnyOf;
using testing::Each;
using testing::HasSubstr;

constexpr int kRanks = 4;

std::vector<StepTask> EachHas(int ranks, int each, int64_t numbers) {
  std::vector<StepTask> tasks;
  for (int r = 0; r < ranks; ++r) {
    for (int i = 0; i < each; ++i) tasks.push_back({{r}, numbers});
  }
  return tasks;
}

// What everybody computes for a task.
void Fill(int task, int64_t step, std::vector<double>* answer) {
  for (size_t i = 0; i < answer->size(); ++i) {
    (*answer)[i] =
        1e6 * static_cast<double>(step) + 1000 * task + static_cast<double>(i);
  }
}

absl::Status CheckAnswers(const std::vector<StepTask>& tasks, int64_t step,
                          const TaskAnswers& answers) {
  for (size_t t = 0; t < tasks.size(); ++t) {
    std::vector<double> expected(static_cast<size_t>(tasks[t].numbers));
    Fill(static_cast<int>(t), step, &expected);
    if (answers.numbers[t] != expected || answers.winners[t] < 0) {
      return absl::InternalError("a wrong answer");
    }
  }
  return absl::OkStatus();
}

// A task of `blocks` blocks; the rank looks up after each.
absl::Status Compute(TaskExchange* exchange, int blocks,
                     std::chrono::microseconds block) {
  for (int b = 0; b < blocks; ++b) {
    std::this_thread::sleep_for(block);
    RETURN_IF_ERROR(exchange->Interrupt());
  }
  return absl::OkStatus();
}

TEST(TaskExchangeTest, AllRanksGetAllAnswersWhoeverCoordinates) {
  // More numbers than travel in one piece, and none at all.
  for (const int64_t numbers : {int64_t{3}, int64_t{0}, int64_t{20000}}) {
    const auto tasks = EachHas(kRanks, 3, numbers);
    const auto statuses = RunThreadRanks(
        kRanks, absl::Seconds(30), [&](Communicator& world) -> absl::Status {
          TaskExchange exchange(&world);
          for (int64_t step = 1; step <= 40; ++step) {
            TaskExchange::Options options;
            options.step = step;
            options.coordinator = static_cast<int>(step % kRanks);
            options.share = true;
            const auto compute = [&](int task, std::vector<double>* answer) {
              Fill(task, step, answer);
              return exchange.Interrupt();
            };
            ASSIGN_OR_RETURN(const TaskAnswers answers,
                             exchange.Run(tasks, options, compute));
            RETURN_IF_ERROR(CheckAnswers(tasks, step, answers));
          }
          return absl::OkStatus();
        });
    EXPECT_THAT(statuses, Each(absl::OkStatus()));
  }
}

// The slow rank is still at its first task when the others have done the rest;
// then that task is computed by another one, too.
TEST(TaskExchangeTest, ASlowRanksTasksAreDoneByTheOthers) {
  const auto tasks = EachHas(kRanks, 4, 2);
  for (const int slow : {0, 2}) {
    std::atomic<int> dropped{0}, by_slow{0};
    const auto statuses = RunThreadRanks(
        kRanks, absl::Seconds(30), [&](Communicator& world) -> absl::Status {
          TaskExchange exchange(&world);
          TaskExchange::Options options;
          options.step = 1;
          options.share = true;
          options.coordinator = 0;
          const bool is_slow = world.rank() == slow;
          const auto compute = [&](int task, std::vector<double>* answer) {
            // Slow: it would not end before a minute.
            const absl::Status status =
                Compute(&exchange, is_slow ? 60000 : 2,
                        std::chrono::microseconds(1000));
            if (absl::IsAborted(status)) ++dropped;
            Fill(task, 1, answer);
            return status;
          };
          ASSIGN_OR_RETURN(const TaskAnswers answers,
                           exchange.Run(tasks, options, compute));
          if (world.rank() == 1) {
            by_slow += static_cast<int>(std::count(
                answers.winners.begin(), answers.winners.end(), slow));
          }
          return CheckAnswers(tasks, 1, answers);
        });
    EXPECT_THAT(statuses, Each(absl::OkStatus()));
    EXPECT_GE(dropped, 1);
    EXPECT_EQ(by_slow, 0);
  }
}

// Two ranks have each task; nobody gets other ones.
TEST(TaskExchangeTest, OfEachGroupTheFirstAnswerIsEnough) {
  const std::vector<StepTask> tasks = {{{0, 1}, 5}, {{2, 3}, 5}};
  std::vector<int> winners;
  const auto statuses = RunThreadRanks(
      kRanks, absl::Seconds(30), [&](Communicator& world) -> absl::Status {
        TaskExchange exchange(&world);
        TaskExchange::Options options;
        options.step = 7;
        const auto compute = [&](int task, std::vector<double>* answer) {
          Fill(task, 7, answer);
          return Compute(&exchange, world.rank() == 2 ? 60000 : 1,
                         std::chrono::microseconds(1000));
        };
        ASSIGN_OR_RETURN(const TaskAnswers answers,
                         exchange.Run(tasks, options, compute));
        if (world.rank() == 3) winners = answers.winners;
        return CheckAnswers(tasks, 7, answers);
      });
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  ASSERT_EQ(winners.size(), 2u);
  EXPECT_THAT(winners[0], AnyOf(0, 1));
  EXPECT_EQ(winners[1], 3);
}

TEST(TaskExchangeTest, ARanksSignalReachesAllAtTheLatestOneStepLater) {
  const auto tasks = EachHas(kRanks, 1, 1);
  const auto statuses = RunThreadRanks(
      kRanks, absl::Seconds(30), [&](Communicator& world) -> absl::Status {
        TaskExchange exchange(&world);
        int seen = 0;
        for (int64_t step = 1; step <= 2; ++step) {
          TaskExchange::Options options;
          options.step = step;
          options.share = true;
          options.signal = step == 1 && world.rank() == 3 ? 10 : 0;
          const auto compute = [&](int task, std::vector<double>* answer) {
            Fill(task, step, answer);
            // Rank 3 has nothing to say before the step has ended without it.
            return world.rank() == 3 && step == 1
                       ? Compute(&exchange, 60000,
                                 std::chrono::microseconds(1000))
                       : absl::OkStatus();
          };
          ASSIGN_OR_RETURN(const TaskAnswers answers,
                           exchange.Run(tasks, options, compute));
          seen = answers.signal;
        }
        return seen == 10 ? absl::OkStatus()
                          : absl::InternalError("the signal is lost");
      });
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
}

TEST(TaskExchangeTest, ARankThatDiesInTheMiddleIsNamedByAllOthers) {
  const auto tasks = EachHas(kRanks, 2, 1);
  for (const int dead : {0, 3}) {
    const auto statuses = RunThreadRanks(
        kRanks, absl::Seconds(30), [&](Communicator& world) -> absl::Status {
          TaskExchange exchange(&world);
          TaskExchange::Options options;
          options.step = 1;
          options.share = true;
          const auto compute = [&](int, std::vector<double>*) {
            if (world.rank() == dead) {
              return absl::DataLossError("my disk is gone");
            }
            // The others do not end before they hear of it.
            return Compute(&exchange, 60000, std::chrono::microseconds(1000));
          };
          return exchange.Run(tasks, options, compute).status();
        });
    for (int r = 0; r < kRanks; ++r) {
      const std::string text(statuses[static_cast<size_t>(r)].message());
      EXPECT_THAT(text, HasSubstr("my disk is gone")) << r;
      if (r != dead) {
        EXPECT_EQ(statuses[static_cast<size_t>(r)].code(),
                  absl::StatusCode::kUnavailable);
        EXPECT_THAT(text, HasSubstr("rank " + std::to_string(dead)));
      }
    }
  }
}

// Rank `hung` of three never comes to the exchange; the others go on to a
// collective after it.
std::vector<absl::Status> RunWithout(int hung, bool share,
                                     const std::vector<StepTask>& tasks) {
  return RunThreadRanks(
      3, absl::Seconds(1), [&](Communicator& world) -> absl::Status {
        if (world.rank() == hung) return absl::OkStatus();
        TaskExchange exchange(&world);
        TaskExchange::Options options;
        options.step = 1;
        options.share = share;
        const auto compute = [&](int, std::vector<double>*) {
          return exchange.Interrupt();
        };
        RETURN_IF_ERROR(exchange.Run(tasks, options, compute).status());
        return world.Barrier();
      });
}

void ExpectAllSay(const std::vector<absl::Status>& statuses, int hung,
                  const std::string& text) {
  for (int r = 0; r < 3; ++r) {
    if (r == hung) continue;
    const absl::Status& status = statuses[static_cast<size_t>(r)];
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << r;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text)) << r;
  }
}

// What it should have done others have done; it only owes its last word.
TEST(TaskExchangeTest, ARankThatHangsIsNamedByAllBeforeCollectivesEnd) {
  ExpectAllSay(RunWithout(2, /*share=*/true, EachHas(3, 1, 1)), 2,
               "no message from rank 2 (world rank 2) within 750ms");
}

TEST(TaskExchangeTest, ARankThatHangsWithItsTaskIsNamedAndNotAnIdleOne) {
  ExpectAllSay(RunWithout(2, /*share=*/false, EachHas(3, 1, 1)), 2,
               "no message from rank 2 (world rank 2) within 1s");
}

TEST(TaskExchangeTest, ACoordinatorThatHangsIsNamedByTheOthers) {
  ExpectAllSay(RunWithout(0, /*share=*/true, EachHas(3, 1, 1)), 0,
               "no message from rank 0 (world rank 0) within 2s");
}

TEST(TaskExchangeTest, ASingleRankNeedsNobody) {
  const auto tasks = EachHas(1, 3, 2);
  const auto world = MakeLoopbackCommunicator();
  TaskExchange exchange(world.get());
  TaskExchange::Options options;
  options.step = 1;
  options.share = true;
  const auto answers =
      exchange.Run(tasks, options, [&](int task, std::vector<double>* answer) {
        Fill(task, 1, answer);
        return exchange.Interrupt();
      });
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_EQ(CheckAnswers(tasks, 1, *answers), absl::OkStatus());
}

}  // namespace
}  // namespace perdure
