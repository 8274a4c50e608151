#ifndef PERDURE_LAUNCHER_SUPERVISOR_HOST_ACCESS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_HOST_ACCESS_H_

// How programs are started on other hosts.

#include <string>
#include <vector>

namespace perdure {

struct HostAccess {
  std::string agent;   // called as AGENT HOST COMMAND...
  bool slurm = false;  // by srun, inside of this process's allocation
  // Neither: ssh.
};

// The command that runs `words` on a host, with `seconds` to reach it where the
// way has such a limit of its own.
std::vector<std::string> RemoteCommand(const HostAccess& access,
                                       const std::string& host, double seconds,
                                       const std::vector<std::string>& words);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_HOST_ACCESS_H_
