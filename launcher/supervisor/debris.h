#ifndef PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_H_

// What a killed mpirun and its daemons leave on a machine: shared-memory
// segments and session directories, hundreds of megabytes a job. Only those of
// one job are touched: others of the same user may be running, and copies of
// snapshots lie in the same memory.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace perdure {

// Where it lies; others in tests.
struct DebrisPlaces {
  std::string shared_memory = "/dev/shm";
  std::string temporary;  // "": the system's
};

// The upper half of the numbers of all jobs of an mpirun process on this
// machine, from what it has left; none if it has cleaned up.
std::optional<uint32_t> JobFamilyOf(pid_t mpirun_pid,
                                    const DebrisPlaces& places = {});

// Removes what the jobs of a family have left on this machine; how many entries
// went. Called once no process of theirs is left here.
int RemoveDebris(uint32_t family, const DebrisPlaces& places = {});

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_H_
