#ifndef PERDURE_LAUNCHER_SUPERVISOR_FINISHED_STEPS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_FINISHED_STEPS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

// The last step in RUN_DIR/metrics.jsonl, 0 if there is none. Heartbeats come a
// few times a second, and a crash between two of them hides steps; this file is
// written step by step. A torn last line does not count.
int64_t FinishedSteps(absl::string_view run_dir);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_FINISHED_STEPS_H_
