#ifndef PERDURE_LAUNCHER_TRAIN_RESUME_H_
#define PERDURE_LAUNCHER_TRAIN_RESUME_H_

// What a run and its continuation must have in common.

#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// What may differ between a run and its continuation: the topology and how work
// is laid out on it, threads, the number of steps and intervals. Everything
// else would be another run: the differences, as "path: saved -> now".
// `decay_follows_steps`: optim.decay_steps was not given, so it changes with
// train.steps.
std::vector<std::string> ForbiddenDifferences(const RunConfig& saved,
                                              const RunConfig& now,
                                              bool decay_follows_steps);

// InvalidArgument listing them, or OK. `saved`: the text of a resolved config.
absl::Status CheckResumable(const std::string& saved, const RunConfig& now,
                            bool decay_follows_steps);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_RESUME_H_
