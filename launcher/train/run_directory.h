#ifndef PERDURE_LAUNCHER_TRAIN_RUN_DIRECTORY_H_
#define PERDURE_LAUNCHER_TRAIN_RUN_DIRECTORY_H_

// The directory of a run: config.textproto, command.txt, environment.txt,
// metrics.jsonl, tensorboard/, tokenizer/, snapshots/, trace.json.

#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// Makes `run_dir` ready. A directory that holds something is only used with
// `resume`; with `force` it is first renamed to DIR.old-N. Otherwise
// InvalidArgument with the choices.
absl::Status PrepareRunDirectory(absl::string_view run_dir, bool resume,
                                 bool force);

// What the run was started with. A resumed run appends to command.txt and
// environment.txt.
absl::Status WriteRunRecords(absl::string_view run_dir,
                             absl::string_view config_text,
                             absl::string_view command,
                             absl::string_view environment);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_RUN_DIRECTORY_H_
