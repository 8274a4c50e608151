#ifndef PERDURE_LAUNCHER_TRAIN_RESUME_H_
#define PERDURE_LAUNCHER_TRAIN_RESUME_H_

// Going on from the newest snapshot of a run.

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/snapshot/snapshot.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// The newest snapshot that verifies, opened on all ranks; nullptr where the run
// has none yet. Warnings (damaged ones passed over) are printed by rank 0.
// Collective.
absl::StatusOr<std::unique_ptr<Snapshot>> OpenForResume(
    Communicator& world, const std::string& run_dir);

// What may differ between a run and its continuation: the topology and how work
// is laid out on it, threads, the number of steps and intervals. Everything
// else would be another run: the differences, as "path: saved -> now".
// `decay_follows_steps`: optim.decay_steps was not given, so it changes with
// train.steps.
std::vector<std::string> ForbiddenDifferences(const RunConfig& saved,
                                              const RunConfig& now,
                                              bool decay_follows_steps);

// InvalidArgument listing them, or OK.
absl::Status CheckResumable(const RunState& saved, const RunConfig& now,
                            bool decay_follows_steps);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_RESUME_H_
