#ifndef PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_

#include <string>
#include <vector>

#include "launcher/supervisor/host_access.h"

namespace perdure {

// Those of `hosts` on which nothing can be started within `seconds`. All at
// once; blocks.
std::vector<std::string> UnreachableHosts(const std::vector<std::string>& hosts,
                                          const HostAccess& access,
                                          double seconds);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_
