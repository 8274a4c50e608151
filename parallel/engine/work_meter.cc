#include "parallel/engine/work_meter.h"

namespace perdure {

double WaitedSeconds(const ProcessGroups& groups) {
  double seconds = groups.world->stats().seconds;
  for (const auto& group :
       {&groups.tp, &groups.dp, &groups.pp, &groups.ends, &groups.replicas}) {
    if (*group != nullptr) seconds += (*group)->stats().seconds;
  }
  return seconds;
}

void WorkMeter::Begin() {
  running_ = true;
  waited_ = WaitedSeconds(*groups_);
  begun_ = std::chrono::steady_clock::now();
}

void WorkMeter::End() {
  const std::chrono::duration<double> wall =
      std::chrono::steady_clock::now() - begun_;
  work_.seconds += wall.count() - (WaitedSeconds(*groups_) - waited_);
  running_ = false;
}

}  // namespace perdure
