#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_H_

// Snapshots: universal as written, committed atomically, verified when read.
// Format: docs/snapshot-format.md.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/model.pb.h"
#include "runtime/state/train_state.h"

namespace perdure {

// Whether a snapshot of this generation and step belongs to the run's lineage;
// what an abandoned launch of the ranks wrote does not. Empty: all do.
using SnapshotFilter = std::function<bool(int64_t generation, int64_t step)>;

struct SnapshotWriteOptions {
  std::string run_dir;              // <run_dir>/snapshots/step-000001000/
  ModelConfig model;                // resolved
  std::string tokenizer_dir;        // files copied along; "" for none
  std::vector<std::string> pinned;  // never pruned (file names)
  int keep_last = 3;                // 0: keep all
  int keep_every = 0;
  // An existing snapshot of the step that does not count is moved away.
  SnapshotFilter counts;
  // Asked on rank 0 right before the snapshot gets its name, and before old
  // ones are pruned: an error, and neither happens. Empty: always.
  std::function<absl::Status()> may_commit;
};

// Collective over `world`: each rank passes the pieces it holds; together they
// cover every tensor once. On return the snapshot is committed and durable on
// all ranks, or none sees it and every rank gets the first error (Aborted for
// a full disk: nothing of earlier snapshots is touched, the temporary directory
// is gone). Free space is checked before anything is written.
absl::Status WriteSnapshot(Communicator& world,
                           const SnapshotWriteOptions& options,
                           const RunState& run,
                           const std::vector<StatePiece>& pieces);

// A committed snapshot, open for reading.
class Snapshot : public StateSource {
 public:
  // Reads and checks the manifest; DataLoss if it is not whole.
  static absl::StatusOr<std::unique_ptr<Snapshot>> Open(absl::string_view dir);
  virtual const std::string& directory() const = 0;
  virtual const RunState& run() const = 0;
  virtual const ModelConfig& model() const = 0;
  // Every byte of every file against its checksum; DataLoss names file, tensor,
  // offset. progress(done, total) may be empty.
  virtual absl::Status Verify(
      const std::function<void(uint64_t, uint64_t)>& progress) = 0;
  // What there is, for people.
  virtual std::string Inspect() const = 0;
};

// The committed snapshots of a run directory, newest (highest step) first, full
// paths. Hidden temporary directories and bad-* are not among them.
absl::StatusOr<std::vector<std::string>> ListSnapshots(
    absl::string_view run_dir);

// Opens the newest snapshot that counts and whose every byte verifies; others
// are skipped, each with a line in `warnings`. NotFound if there is none that
// counts; DataLoss if all of these are damaged. One rank calls it and tells the
// others the path.
absl::StatusOr<std::unique_ptr<Snapshot>> OpenNewestSnapshot(
    absl::string_view run_dir, std::vector<std::string>* warnings,
    const SnapshotFilter& counts = {});

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_H_
