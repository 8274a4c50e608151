#ifndef PERDURE_LAUNCHER_SUPERVISOR_AGENT_WATCH_H_
#define PERDURE_LAUNCHER_SUPERVISOR_AGENT_WATCH_H_

// The programs by which an mpirun holds its daemons on other hosts: ssh, or an
// agent. When one ends, mpirun says that a daemon is gone, but not always
// which; the process that is missing tells.

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perdure {

// The host among `hosts` that a command line names first as a word; "" if none.
std::string HostNamedIn(absl::string_view command_line,
                        const std::vector<std::string>& hosts);

class AgentWatch {
 public:
  explicit AgentWatch(std::vector<std::string> hosts)
      : hosts_(std::move(hosts)) {}

  // Once all daemons are up: which child of mpirun is whose.
  void Learn(pid_t mpirun);
  bool learned() const { return learned_; }
  // Notes the first that are gone. Cheap: reads one file.
  void Look(pid_t mpirun);
  // Of which hosts they were; empty while all are there.
  const std::vector<std::string>& lost() const { return lost_; }

 private:
  const std::vector<std::string> hosts_;
  bool learned_ = false;
  std::map<pid_t, std::string> host_of_;
  std::vector<std::string> lost_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_AGENT_WATCH_H_
