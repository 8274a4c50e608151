#include "launcher/supervisor/probe_hosts.h"

#include <chrono>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "launcher/supervisor/child_process.h"

namespace perdure {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> Command(const std::string& host,
                                 const std::string& agent, double seconds) {
  if (!agent.empty()) return {agent, host, "true"};
  return {"ssh",
          "-o",
          "BatchMode=yes",
          "-o",
          absl::StrCat("ConnectTimeout=", static_cast<int>(seconds) + 1),
          host,
          "true"};
}

}  // namespace

std::vector<std::string> UnreachableHosts(const std::vector<std::string>& hosts,
                                          const std::string& agent,
                                          double seconds) {
  std::vector<std::optional<ChildProcess>> probes;
  for (const std::string& host : hosts) {
    absl::StatusOr<ChildProcess> probe =
        ChildProcess::Start(Command(host, agent, seconds), {});
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
