#ifndef PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_

// Tries hosts and the links between them: starts perdure-launch probe-serve on
// each, which must lie there where it lies here. Blocks; from any thread.

#include <stop_token>
#include <string>
#include <vector>

#include "launcher/supervisor/host_access.h"
#include "launcher/supervisor/link_verdict.h"

namespace perdure {

struct ProbeOptions {
  HostAccess access;
  std::string program;        // perdure-launch's own path
  double start_seconds = 3;   // to start something on a host
  double link_seconds = 0.5;  // for data to come back
  std::stop_token stop;  // ends it early; what it returns is then of no use
};

// Those of `hosts` on which nothing can be started in time, or that this
// machine cannot exchange data with. One that has no perdure-launch passes if
// its shell says so.
std::vector<std::string> UnreachableHosts(const std::vector<std::string>& hosts,
                                          const ProbeOptions& options);

// Both rounds, over all of `hosts`. One on which nothing can be started has no
// good link.
LinkVerdict ProbeLinks(const std::vector<std::string>& hosts,
                       const ProbeOptions& options);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_PROBE_HOSTS_H_
