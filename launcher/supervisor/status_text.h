#ifndef PERDURE_LAUNCHER_SUPERVISOR_STATUS_TEXT_H_
#define PERDURE_LAUNCHER_SUPERVISOR_STATUS_TEXT_H_

// What `perdure-launch status` and `history` print.

#include <string>
#include <vector>

#include "launcher/supervisor/event_log.h"
#include "launcher/supervisor/launch.pb.h"

namespace perdure {

std::string StatusText(const LaunchStatus& status);

// Launches, generations, incidents and recoveries, a line each, and what they
// cost: the effective training time ratio is the share of time that was not
// lost between a fault and the first new step after it.
std::string HistoryText(const std::vector<Event>& events);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_STATUS_TEXT_H_
