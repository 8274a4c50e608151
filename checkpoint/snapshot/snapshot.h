#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_H_

// Snapshots: universal as written, committed atomically, verified when read.
// Format: docs/snapshot-format.md.

#include <cstdint>
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
  int keep_best = 0;  // so many with the best validation, if they have one
  bool best_by_accuracy = false;  // the highest; else the lowest loss
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

// What of a snapshot is to be loaded.
struct LoadOptions {
  bool weights_only = false;
  // Only tensors whose names match one of these (* and ?); others stay as they
  // are. Empty: all.
  std::vector<std::string> patterns;
  // Ranks that give the same name can share memory. "": this machine's.
  std::string node;
};

// How a load went.
struct LoadReport {
  uint64_t bytes_read = 0;    // by the ranks of this rank's node
  uint64_t bytes_needed = 0;  // by any of them
  double seconds = 0;
  // Of copies that were damaged while another one was good.
  std::vector<std::string> warnings;
  // Bytes read for every byte needed.
  double amplification() const {
    return bytes_needed == 0 ? 1.0
                             : static_cast<double>(bytes_read) /
                                   static_cast<double>(bytes_needed);
  }
};

// A committed snapshot, open for reading.
class Snapshot : public StateSource {
 public:
  // Reads and checks the manifest; DataLoss if it is not whole.
  static absl::StatusOr<std::unique_ptr<Snapshot>> Open(absl::string_view dir);
  virtual const std::string& directory() const = 0;
  virtual const RunState& run() const = 0;
  virtual const ModelConfig& model() const = 0;
  // As Read, by all ranks of `world` together: each node reads what its ranks
  // need once. Only the requests that the options leave are answered. The same
  // status on all ranks; after an error the targets are partly written.
  virtual absl::StatusOr<LoadReport> Load(
      Communicator& world, const std::vector<StateRequest>& requests,
      const LoadOptions& options) = 0;
  // Every byte of every file against its checksum, and every tensor against its
  // digest; DataLoss names file, tensor, offset. progress(done, total) may be
  // empty.
  virtual absl::Status Verify(
      const std::function<void(uint64_t, uint64_t)>& progress) = 0;
  // What there is, for people.
  virtual std::string Inspect() const = 0;
};

// The committed snapshots of a run directory, newest (highest step) first, full
// paths. Hidden temporary directories and bad-* are not among them.
absl::StatusOr<std::vector<std::string>> ListSnapshots(
    absl::string_view run_dir);

// Which snapshot of a run directory to take.
struct SnapshotSearch {
  SnapshotFilter counts;
  int64_t below_step = INT64_MAX;  // those from here on have failed already
  // Snapshots that so many launches in a row did not get a step beyond are left
  // alone; 0: no limit. See restart_attempts.h.
  int quarantine_after = 0;
};

// Opens the newest snapshot that counts, whose manifest is whole and whose
// files are as long as it says; others are skipped, each with a line in
// `warnings`. Their bytes are checked when they are read: after DataLoss then,
// search again below that step. NotFound if there is none that counts; DataLoss
// if all of these are damaged or in quarantine. One rank calls it and tells the
// others the path.
absl::StatusOr<std::unique_ptr<Snapshot>> OpenNewestSnapshot(
    absl::string_view run_dir, std::vector<std::string>* warnings,
    const SnapshotSearch& search = {});

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_H_
