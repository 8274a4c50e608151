#ifndef PERDURE_LAUNCHER_SUPERVISOR_MPIRUN_LINE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_MPIRUN_LINE_H_

// The command that starts one generation. Options are set once each: Open MPI
// 4.1 dies of a parameter given twice.

#include <string>
#include <vector>

#include "launcher/supervisor/host_access.h"

namespace perdure {

struct HostSlots {
  std::string host;
  int slots = 1;
};

struct MpirunOptions {
  int ranks = 1;
  std::vector<HostSlots> hosts;  // empty: this machine
  bool as_root = false;
  int cores = 1;                      // of this machine, for its ranks
  HostAccess access;                  // starts the daemons
  std::string network;                // "10.0.0.0/24", or "" for all
  std::vector<std::string> exported;  // names of variables for the ranks
};

std::vector<std::string> MpirunLine(const MpirunOptions& options,
                                    const std::vector<std::string>& trainer);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_MPIRUN_LINE_H_
