#ifndef PERDURE_LAUNCHER_SUPERVISOR_RUN_PROGRAM_H_
#define PERDURE_LAUNCHER_SUPERVISOR_RUN_PROGRAM_H_

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

// Runs a program to its end, for at most `seconds`; what it printed on standard
// output. NotFound if there is no such program; DeadlineExceeded; Internal,
// with the last line of its standard error, if its exit code is not 0. Blocks.
absl::StatusOr<std::string> RunProgram(
    const std::vector<std::string>& argv,
    const std::vector<std::pair<std::string, std::string>>& variables,
    double seconds);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_RUN_PROGRAM_H_
