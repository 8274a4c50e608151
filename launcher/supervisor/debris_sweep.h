#ifndef PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_SWEEP_H_
#define PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_SWEEP_H_

// Removes what lost generations have left on other hosts, behind the work that
// matters: starts perdure-launch sweep there, and looks after it later.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "launcher/supervisor/child_process.h"
#include "launcher/supervisor/host_access.h"
#include "launcher/supervisor/mpirun_line.h"

namespace perdure {

class DebrisSweep {
 public:
  // `program`: perdure-launch's own path, the same on all hosts.
  DebrisSweep(HostAccess access, std::string program)
      : access_(std::move(access)), program_(std::move(program)) {}

  // Jobs of this family ran on these hosts and did not end in order.
  void Note(const std::vector<HostSlots>& hosts, uint32_t family);
  // Starts on those of `hosts` that have something to remove. Never blocks.
  void Begin(const std::vector<HostSlots>& hosts);
  // Lets go of what has ended; to be called now and then.
  void Turn();
  // Waits for what was begun, at most so long.
  void Finish(double seconds);

 private:
  const HostAccess access_;
  const std::string program_;
  std::map<std::string, std::set<uint32_t>> families_;  // by host
  std::vector<ChildProcess> running_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_SWEEP_H_
