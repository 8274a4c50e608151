#include "launcher/supervisor/host_trial.h"

#include <utility>

namespace perdure {

void HostTrial::Begin(std::vector<std::string> hosts, ProbeOptions options) {
  Cancel();
  done_ = false;
  thread_ = std::jthread([this, hosts = std::move(hosts),
                          options = std::move(options)](std::stop_token stop) {
    ProbeOptions stoppable = options;
    stoppable.stop = std::move(stop);
    unreachable_ = UnreachableHosts(hosts, stoppable);
    done_ = true;
  });
}

std::optional<std::vector<std::string>> HostTrial::Take() {
  if (!running() || !done_) return std::nullopt;
  thread_.join();
  return std::move(unreachable_);
}

void HostTrial::Cancel() {
  if (!running()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace perdure
