#include "parallel/pipeline/schedule.h"

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "gtest/gtest.h"

namespace perdure {
namespace {

using Maker = std::function<Schedule(int, int, int)>;

// Runs the schedules of all stages against each other: sends never block,
// receives wait. False if they dead-lock or a message meets the wrong receiver.
bool RunsToTheEnd(const Maker& make, int stages, int micro_batches) {
  std::vector<Schedule> schedules;
  std::vector<size_t> at(static_cast<size_t>(stages), 0);
  for (int s = 0; s < stages; ++s) {
    schedules.push_back(make(stages, s, micro_batches));
  }
  std::map<std::pair<int, bool>, std::deque<int>> wire;  // (receiver, forward)
  bool moved = true;
  while (moved) {
    moved = false;
    for (int s = 0; s < stages; ++s) {
      const size_t stage = static_cast<size_t>(s);
      while (at[stage] < schedules[stage].size()) {
        const Action action = schedules[stage][at[stage]];
        if (action.kind == ActionKind::kReceiveForward ||
            action.kind == ActionKind::kReceiveBackward) {
          auto& queue = wire[{s, action.kind == ActionKind::kReceiveForward}];
          if (queue.empty()) break;
          if (queue.front() != action.micro_batch) return false;
          queue.pop_front();
        } else if (action.kind == ActionKind::kSendForward) {
          wire[{s + 1, true}].push_back(action.micro_batch);
        } else if (action.kind == ActionKind::kSendBackward) {
          wire[{s - 1, false}].push_back(action.micro_batch);
        }
        ++at[stage];
        moved = true;
      }
    }
  }
  for (int s = 0; s < stages; ++s) {
    if (at[static_cast<size_t>(s)] < schedules[static_cast<size_t>(s)].size()) {
      return false;
    }
  }
  return true;
}

TEST(ScheduleTest, NoneDeadLocksAndEveryMicroBatchRunsOnce) {
  for (int stages = 1; stages <= 5; ++stages) {
    for (int m = 0; m <= 9; ++m) {
      EXPECT_TRUE(RunsToTheEnd(GPipeSchedule, stages, m));
      EXPECT_TRUE(RunsToTheEnd(OneForwardOneBackwardSchedule, stages, m));
      EXPECT_TRUE(RunsToTheEnd(ForwardOnlySchedule, stages, m));
      for (int s = 0; s < stages; ++s) {
        std::set<int> forward, backward;
        for (const Action& action :
             OneForwardOneBackwardSchedule(stages, s, m)) {
          if (action.kind == ActionKind::kForward) {
            EXPECT_TRUE(forward.insert(action.micro_batch).second);
          }
          if (action.kind == ActionKind::kBackward) {
            EXPECT_TRUE(forward.contains(action.micro_batch));
            EXPECT_TRUE(backward.insert(action.micro_batch).second);
          }
        }
        EXPECT_EQ(forward.size(), static_cast<size_t>(m));
        EXPECT_EQ(backward.size(), static_cast<size_t>(m));
      }
    }
  }
}

TEST(ScheduleTest, OneForwardOneBackwardIsTheKnownPicture) {
  EXPECT_EQ(ScheduleToString(OneForwardOneBackwardSchedule(3, 0, 4)),
            "F0 F1 F2 B0 F3 B1 B2 B3");
  EXPECT_EQ(ScheduleToString(OneForwardOneBackwardSchedule(3, 2, 3)),
            "F0 B0 F1 B1 F2 B2");
  EXPECT_EQ(ScheduleToString(GPipeSchedule(2, 0, 2)), "F0 F1 B0 B1");
}

TEST(ScheduleTest, OneForwardOneBackwardKeepsFewActivations) {
  EXPECT_EQ(MaxInFlight(OneForwardOneBackwardSchedule(4, 0, 16)), 4);
  EXPECT_EQ(MaxInFlight(OneForwardOneBackwardSchedule(4, 3, 16)), 1);
  EXPECT_EQ(MaxInFlight(GPipeSchedule(4, 3, 16)), 16);
  EXPECT_EQ(MaxInFlight(ForwardOnlySchedule(4, 3, 16)), 1);
}

}  // namespace
}  // namespace perdure
