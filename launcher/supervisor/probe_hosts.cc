#include "launcher/supervisor/probe_hosts.h"

#include <chrono>
#include <optional>
#include <thread>

#include "launcher/supervisor/child_process.h"

namespace perdure {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

std::vector<std::string> UnreachableHosts(const std::vector<std::string>& hosts,
                                          const HostAccess& access,
                                          double seconds) {
  std::vector<std::optional<ChildProcess>> probes;
  for (const std::string& host : hosts) {
    absl::StatusOr<ChildProcess> probe =
        ChildProcess::Start(RemoteCommand(access, host, seconds, {"true"}), {});
    std::optional<ChildProcess>& started = probes.emplace_back();
    if (probe.ok()) started.emplace(std::move(*probe));
  }
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  std::vector<std::string> unreachable;
  for (size_t i = 0; i < hosts.size(); ++i) {
    std::optional<ExitState> exit;
    while (probes[i].has_value() && !(exit = probes[i]->Poll()).has_value() &&
           Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (!exit.has_value() || exit->code != 0) unreachable.push_back(hosts[i]);
  }
  return unreachable;
}

}  // namespace perdure
