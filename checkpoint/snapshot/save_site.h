#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SAVE_SITE_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SAVE_SITE_H_

// Where snapshots go: how the place for one is made, and how it gets its name
// once all ranks have written. One save at a time.

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "checkpoint/snapshot/chunk_writer.h"
#include "checkpoint/snapshot/commit_job.h"
#include "checkpoint/snapshot/prepared_save.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

class SaveSite {
 public:
  // Waits for threads of its own, unless abandoned; what has no name is
  // removed.
  virtual ~SaveSite() = default;

  // This rank's part of making the directory and its files. An error, here or
  // on another rank, is followed by Drop.
  virtual absl::Status Stage(std::shared_ptr<const PreparedSave> prepared,
                             const RunState& run) = 0;
  virtual void Drop() = 0;
  // The directory that this rank writes into.
  virtual std::string Directory() const = 0;

  // Collective. All ranks have written, or one has not: what follows, in
  // stages. `sums` of all ranks, on rank 0.
  virtual absl::Status Begin(const absl::Status& written,
                             std::vector<WrittenSums> sums) = 0;
  // Between steps, on all ranks: messages. An error: ranks cannot go on.
  virtual absl::Status Exchange() { return absl::OkStatus(); }
  // Whether this rank is done with the stage, at the latest after that time.
  virtual bool Wait(absl::Duration duration) const = 0;
  // Collective, when all ranks are: begins the next stage. True if that was the
  // last one; *result is then what has become of the save, on all ranks.
  virtual absl::StatusOr<bool> Next(CommitResult* result) = 0;

  // Somebody may be stuck in writing: nothing is waited for or removed.
  virtual void Abandon() = 0;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SAVE_SITE_H_
