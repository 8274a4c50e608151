#ifndef PERDURE_CHECKPOINT_CONVERT_COMMANDS_H_
#define PERDURE_CHECKPOINT_CONVERT_COMMANDS_H_

// The verbs of perdure-ckpt.

#include <ostream>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

// What `--help` shows.
extern const char kCheckpointHelp[];

// Runs "import HF SNAPSHOT", "export SNAPSHOT HF", "inspect DIR" or "verify
// DIR"; DIR is a snapshot or a run directory. Results go to `out`, a line that
// is overwritten while work goes on to `progress` (may be null).
// InvalidArgument for a wrong command line, else the error of the work.
absl::Status RunCheckpointCommand(const std::vector<std::string>& arguments,
                                  std::ostream& out, std::ostream* progress);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_COMMANDS_H_
