#include "launcher/supervisor/host_access.h"

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

std::vector<std::string> Beginning(const HostAccess& access,
                                   const std::string& host, double seconds) {
  if (!access.agent.empty()) return {access.agent, host};
  if (access.slurm) {
    // The step of the ranks holds the CPUs, a lost one for ever: overlap.
    return {"srun", "--overlap", "--no-kill",    "--quiet",
            "-n1",  "-N1",       "--input=none", absl::StrCat("-w", host)};
  }
  return {"ssh",
          "-o",
          "BatchMode=yes",
          "-o",
          absl::StrCat("ConnectTimeout=", static_cast<int>(seconds) + 1),
          host};
}

}  // namespace

std::vector<std::string> RemoteCommand(const HostAccess& access,
                                       const std::string& host, double seconds,
                                       const std::vector<std::string>& words) {
  std::vector<std::string> command = Beginning(access, host, seconds);
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

}  // namespace perdure
