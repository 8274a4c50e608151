#ifndef PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_H_

// What a killed mpirun leaves on this machine: shared-memory segments and its
// session directory, hundreds of megabytes a job. Only those of one job are
// touched: others of the same user may be running.

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

// Removes the files of the job that this mpirun process was. Returns how many
// entries went. Called once no process of the job is left.
int RemoveDebris(pid_t mpirun_pid);

// The part of it that needs no process table, for tests: `shared_memory` is
// /dev/shm, `temporary` is /tmp.
int RemoveDebrisIn(absl::string_view shared_memory, absl::string_view temporary,
                   pid_t mpirun_pid);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_DEBRIS_H_
