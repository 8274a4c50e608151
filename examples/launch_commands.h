#ifndef PERDURE_EXAMPLES_LAUNCH_COMMANDS_H_
#define PERDURE_EXAMPLES_LAUNCH_COMMANDS_H_

// What perdure-launch does besides launching: perdure-launch status RUN_DIR.

#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

// The flags that commands take.
struct LaunchCommandOptions {
  std::string rules;   // file of diagnosis rules
  bool html = false;   // history as a page
  std::string output;  // its file; "": RUN_DIR/launch/history.html
};

// `words`: the command's name and its arguments. The exit code.
absl::StatusOr<int> RunLaunchCommand(const std::vector<std::string>& words,
                                     const LaunchCommandOptions& options);

}  // namespace perdure

#endif  // PERDURE_EXAMPLES_LAUNCH_COMMANDS_H_
