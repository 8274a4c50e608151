#ifndef PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_

#include <string>
#include <vector>

namespace perdure {

// Those of `hosts` on which nothing can be started within `seconds`: by `agent`
// HOST true, or by ssh where there is no agent. All at once; blocks.
std::vector<std::string> UnreachableHosts(const std::vector<std::string>& hosts,
                                          const std::string& agent,
                                          double seconds);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_
