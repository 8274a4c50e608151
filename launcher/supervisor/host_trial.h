#ifndef PERDURE_LAUNCHER_SUPERVISOR_HOST_TRIAL_H_
#define PERDURE_LAUNCHER_SUPERVISOR_HOST_TRIAL_H_

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "launcher/supervisor/probe_hosts.h"

namespace perdure {

// Tries hosts behind a generation that goes on. Used by one thread.
class HostTrial {
 public:
  HostTrial() = default;
  ~HostTrial() { Cancel(); }

  bool running() const { return thread_.joinable(); }
  void Begin(std::vector<std::string> hosts, ProbeOptions options);
  // Once it is done: those of the hosts that did not answer.
  std::optional<std::vector<std::string>> Take();
  // Ends it, within a second; there is nothing to take then.
  void Cancel();

 private:
  std::atomic<bool> done_{false};
  std::vector<std::string> unreachable_;  // the thread's, until done_
  std::jthread thread_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_HOST_TRIAL_H_
