#include <cstdlib>

#include "runtime/comm/backends.h"

namespace perdure {

int LaunchedWorldSize(const std::function<const char*(const char*)>& lookup) {
  // OpenMPI; Hydra and Slurm's PMI; MVAPICH; srun. A batch script that is no
  // srun step has SLURM_NTASKS but runs once: only the step's own count says
  // how often this program was started. PMIx itself has no such variable.
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
                               "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const char* text = lookup(variable);
    if (text == nullptr || *text == '\0') continue;
    char* end = nullptr;
    const long size = std::strtol(text, &end, 10);
    if (*end == '\0' && size > 0 && size < (1 << 30)) {
      return static_cast<int>(size);
    }
  }
  return 1;
}

}  // namespace perdure
