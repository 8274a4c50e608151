#ifndef PERDURE_LAUNCHER_SUPERVISOR_LAUNCH_PLAN_H_
#define PERDURE_LAUNCHER_SUPERVISOR_LAUNCH_PLAN_H_

#include <string>

#include "launcher/supervisor/launch_options.h"
#include "runtime/base/status.h"

namespace perdure {

// What perdure-launch would choose from, for all its ranks and for each smaller
// number down to min_ranks: layouts with memory and modelled time, the choice
// marked. Asks the trainer; blocks. InvalidArgument says what the trainer said.
absl::StatusOr<std::string> LaunchPlanText(const LaunchOptions& options);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_LAUNCH_PLAN_H_
