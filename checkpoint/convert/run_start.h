#ifndef PERDURE_CHECKPOINT_CONVERT_RUN_START_H_
#define PERDURE_CHECKPOINT_CONVERT_RUN_START_H_

// A run that goes on from the state of another program.

#include <string>

#include "checkpoint/convert/open_source.h"
#include "runtime/base/status.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// Fills in what the source, which has a model and tensors, does not say and the
// config does: the resolved config itself, data cursor, tokens and the like, as
// if this config had done source->run.step steps. Seeds and schedules are
// functions of config and step. Returns the resolved config.
//
// InvalidArgument for a config that cannot train this model;
// FailedPrecondition where the source lacks the step, or the moments that the
// config's optimizer needs.
absl::StatusOr<RunConfig> StartRun(const std::string& config_path,
                                   CanonicalSource* source);

// Where the first snapshot of a new run goes. FailedPrecondition if `run_dir`
// has a run.
absl::StatusOr<std::string> FirstSnapshotPath(const std::string& run_dir,
                                              int64_t step);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_RUN_START_H_
