#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_SAVER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_SAVER_H_

// Saves snapshots behind training. A save stops the caller for one copy of its
// state; threads of its own write the copy, and the ranks agree at their step
// boundaries on what has become of it. Those threads never communicate.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/chunk_writer.h"
#include "checkpoint/snapshot/prepared_save.h"
#include "checkpoint/snapshot/save_site.h"
#include "checkpoint/snapshot/snapshot.h"
#include "checkpoint/snapshot/staged_snapshot.h"
#include "checkpoint/snapshot/staging_pool.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/device.h"
#include "runtime/state/state_map.h"

namespace perdure {

// What became of a save; the same on all ranks but for the seconds.
struct SaveReport {
  absl::Status status;  // OK: committed and durable. Else nothing is left of it
  int64_t step = 0;
  uint64_t bytes = 0;         // of all ranks' tensors
  double stall_seconds = 0;   // that Begin took
  double waited_seconds = 0;  // of these, for room in a pool that is too small
  double seconds = 0;         // from Begin to the commit
};

struct SnapshotSaverOptions {
  SnapshotWriteOptions snapshot;
  SnapshotPaths paths;  // of a single snapshot; empty: from the run directory
  std::string config_json;  // kept as it is; "" to make it from the model
  // Memory for staged state; 0: as much as the rank's part of a snapshot.
  uint64_t pool_bytes = 0;
  StreamView stream;  // its threads share the copying
  // Nothing is done behind the caller's back: Begin writes, block by block in
  // the order in which they are given, and returns the first failure.
  bool in_order = false;
  // Each node writes a file of its own; else all write into the same ones.
  bool per_node = false;
  // Ranks that give the same name are on one node. "": this machine's name.
  std::string node;
  // As per_node, and the run directory in `snapshot` is that of this rank's
  // node alone: every node commits its own file, a copy of the manifest and the
  // small files.
  bool own_directories = false;
  // And with them the file of the node before it, sent by that node's ranks.
  bool neighbour_copies = false;
  // How long Finish waits for the disk.
  absl::Duration drain = absl::Minutes(10);
};

class SnapshotSaver {
 public:
  // Collective over `world`, which outlives the saver and is used no more by
  // it: saves talk on a communicator of their own.
  static absl::StatusOr<std::unique_ptr<SnapshotSaver>> Create(
      Communicator& world, std::shared_ptr<Storage> storage,
      SnapshotSaverOptions options);
  ~SnapshotSaver();

  // Hands a rank's ranges of `map` to the sink, in order.
  using Giver = absl::FunctionRef<absl::Status(StateSink* sink)>;

  // All collective, on one thread. An error means that ranks cannot go on
  // together (one is gone or hangs); what is wrong with a save, a full disk
  // say, is in its report, and the next save is tried afresh.

  // Takes a copy of the state and begins to write it; what `give` handed over
  // may change when this returns. Ends the save before this one first.
  absl::Status Begin(const RunState& run, const StateMap& map, Giver give);
  // Between steps, while busy(): finds out how the save is doing.
  absl::Status Poll();
  // Waits until the save in flight has ended. DeadlineExceeded if it does not.
  absl::Status Finish();
  bool busy() const { return phase_ != Phase::kIdle; }
  // Of the saves that have ended since the last call.
  std::vector<SaveReport> TakeReports() { return std::move(reports_); }

 private:
  enum class Phase { kIdle, kWriting, kCommitting };

  SnapshotSaver(std::unique_ptr<Communicator> comm,
                std::shared_ptr<Storage> storage, SnapshotSaverOptions options,
                PrepareOptions prepare, std::unique_ptr<SaveSite> site);
  absl::Status Prepare(const StateMap& map);
  absl::Status MakePool();
  absl::Status PollOnce(bool expired);
  absl::Status PollWriting();
  // Rank 0 has the sums of all ranks.
  absl::StatusOr<std::vector<WrittenSums>> GatherSums();
  // Nothing is waited for any more that depends on the disk.
  void GiveUp();
  void End(const absl::Status& status);

  const std::unique_ptr<Communicator> comm_;
  const std::shared_ptr<Storage> storage_;
  const SnapshotSaverOptions options_;
  const PrepareOptions prepare_;
  const std::unique_ptr<SaveSite> site_;
  std::shared_ptr<const PreparedSave> prepared_;
  std::shared_ptr<StagingPool> pool_;

  // Of the save in flight.
  Phase phase_ = Phase::kIdle;
  RunState run_;
  absl::Time start_;
  SaveReport report_;
  std::unique_ptr<ChunkWriter> writer_;
  bool gave_up_ =
      false;  // on a disk that hangs, and on threads that wait for it
  std::vector<SaveReport> reports_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_SAVER_H_
