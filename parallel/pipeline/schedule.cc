#include "parallel/pipeline/schedule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

void AddForward(int stages, int stage, int micro_batch, Schedule* schedule) {
  if (stage > 0) {
    schedule->push_back({ActionKind::kReceiveForward, micro_batch});
  }
  schedule->push_back({ActionKind::kForward, micro_batch});
  if (stage < stages - 1) {
    schedule->push_back({ActionKind::kSendForward, micro_batch});
  }
}

void AddBackward(int stages, int stage, int micro_batch, Schedule* schedule) {
  if (stage < stages - 1) {
    schedule->push_back({ActionKind::kReceiveBackward, micro_batch});
  }
  schedule->push_back({ActionKind::kBackward, micro_batch});
  if (stage > 0) schedule->push_back({ActionKind::kSendBackward, micro_batch});
}

}  // namespace

Schedule GPipeSchedule(int stages, int stage, int micro_batches) {
  Schedule schedule;
  for (int m = 0; m < micro_batches; ++m) {
    AddForward(stages, stage, m, &schedule);
  }
  for (int m = 0; m < micro_batches; ++m) {
    AddBackward(stages, stage, m, &schedule);
  }
  return schedule;
}

Schedule OneForwardOneBackwardSchedule(int stages, int stage,
                                       int micro_batches) {
  Schedule schedule;
  const int warm_up = std::min(stages - 1 - stage, micro_batches);
  for (int m = 0; m < warm_up; ++m) AddForward(stages, stage, m, &schedule);
  for (int m = warm_up; m < micro_batches; ++m) {
    AddForward(stages, stage, m, &schedule);
    AddBackward(stages, stage, m - warm_up, &schedule);
  }
  for (int m = micro_batches - warm_up; m < micro_batches; ++m) {
    AddBackward(stages, stage, m, &schedule);
  }
  return schedule;
}

Schedule ForwardOnlySchedule(int stages, int stage, int micro_batches) {
  Schedule schedule;
  for (int m = 0; m < micro_batches; ++m) {
    AddForward(stages, stage, m, &schedule);
  }
  return schedule;
}

int MaxInFlight(const Schedule& schedule) {
  const bool backward =
      std::any_of(schedule.begin(), schedule.end(), [](const Action& action) {
        return action.kind == ActionKind::kBackward;
      });
  if (!backward) return schedule.empty() ? 0 : 1;
  int alive = 0, most = 0;
  for (const Action& action : schedule) {
    if (action.kind == ActionKind::kForward) most = std::max(most, ++alive);
    if (action.kind == ActionKind::kBackward) --alive;
  }
  return most;
}

std::string ScheduleToString(const Schedule& schedule) {
  std::string text;
  for (const Action& action : schedule) {
    if (action.kind == ActionKind::kForward) {
      absl::StrAppend(&text, text.empty() ? "" : " ", "F", action.micro_batch);
    } else if (action.kind == ActionKind::kBackward) {
      absl::StrAppend(&text, text.empty() ? "" : " ", "B", action.micro_batch);
    }
  }
  return text;
}

}  // namespace perdure
