#ifndef PERDURE_LAUNCHER_SUPERVISOR_SLURM_H_
#define PERDURE_LAUNCHER_SUPERVISOR_SLURM_H_

// The allocation of the Slurm job that this process is part of.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/supervisor/mpirun_line.h"
#include "runtime/base/status.h"

namespace perdure {

// As the batch script's environment has it.
struct SlurmJob {
  std::string id;
  std::string nodes;           // "node[1-3,7]"
  std::string tasks_per_node;  // "2(x3),1"
  std::string this_node;
};

// None outside of a job. `lookup` is getenv.
std::optional<SlurmJob> ReadSlurmJob(
    const std::function<const char*(const char*)>& lookup);

// "2(x3),1" is 2, 2, 2, 1. InvalidArgument if it is nothing like that.
absl::StatusOr<std::vector<int>> ParseTasksPerNode(absl::string_view text);

// The job's hosts and the ranks that each takes. Asks scontrol for the names;
// blocks up to ten seconds.
absl::StatusOr<std::vector<HostSlots>> SlurmHosts(const SlurmJob& job);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_SLURM_H_
