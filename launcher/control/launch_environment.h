#ifndef PERDURE_LAUNCHER_CONTROL_LAUNCH_ENVIRONMENT_H_
#define PERDURE_LAUNCHER_CONTROL_LAUNCH_ENVIRONMENT_H_

// What a supervisor tells its ranks before they start: environment variables,
// handed on by mpirun -x. The key is not on any command line.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/control/datagram.h"
#include "runtime/base/status.h"

namespace perdure {

struct LaunchEnvironment {
  std::string address;  // of the supervisor, HOST:PORT
  JobKey key;
  int64_t generation = 1;
  double beat_seconds = 0.1;
  // A rank that was not answered for so long ends itself.
  double lease_seconds = 10;
  // One rank of a node sends the heartbeats of all its ranks.
  bool one_per_node = false;
};

// None if this process was not started by a supervisor; InvalidArgument if the
// variables make no sense. `lookup` is getenv.
absl::StatusOr<std::optional<LaunchEnvironment>> ReadLaunchEnvironment(
    const std::function<const char*(const char*)>& lookup);

// Name and value of every variable.
std::vector<std::pair<std::string, std::string>> LaunchVariables(
    const LaunchEnvironment& environment);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_CONTROL_LAUNCH_ENVIRONMENT_H_
