#ifndef PERDURE_CHECKPOINT_REPLAY_REPLAY_H_
#define PERDURE_CHECKPOINT_REPLAY_REPLAY_H_

// The snapshot that a zeroth-order run would have written at any past step,
// from an older snapshot and the journal: without data, forward passes or MPI,
// in the memory of a few blocks.

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/nn/param_spec.h"

namespace perdure {

struct ReplayOptions {
  std::string run_dir;
  int64_t to_step = 0;
  std::string output;  // the snapshot's directory; made
  int threads = 1;
};

struct ReplayResult {
  std::string base;  // where its weights came from
  int64_t base_step = 0;
  int64_t steps = 0;  // replayed
};

// Starts from the newest snapshot of the run that is not younger than the step,
// or from the initial weights. FailedPrecondition: a first-order run, a step
// that the journal does not have (says which is the last), initial weights that
// are not there any more, constants that this program does not have, an output
// that exists.
absl::StatusOr<ReplayResult> ReplayRun(const ReplayOptions& options);

// Parts of a weight, and the digest (runtime/state/digest.h) of their elements.
struct DigestedPart {
  std::string tensor;
  std::vector<ShardRun> runs;
  uint64_t digest = 0;
};
// The digests that the parts must have after `step`, by what is on disk alone;
// fails as ReplayRun does. NotFound: a tensor that the run does not have.
absl::Status ReplayDigests(const std::string& run_dir, int64_t step,
                           int threads, std::vector<DigestedPart>* parts);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_REPLAY_REPLAY_H_
