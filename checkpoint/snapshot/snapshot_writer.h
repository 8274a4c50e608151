#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_WRITER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_WRITER_H_

// WriteSnapshot with its parts open: the storage, the place, the bytes' source.

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/piece_writer.h"
#include "checkpoint/snapshot/snapshot.h"
#include "checkpoint/snapshot/staged_snapshot.h"

namespace perdure {

// As WriteSnapshot, on a given storage.
absl::Status WriteSnapshotTo(Communicator& world, Storage& storage,
                             const SnapshotWriteOptions& options,
                             const RunState& run,
                             const std::vector<StatePiece>& pieces);

struct SnapshotContent {
  RunState run;
  ModelConfig model;
  std::string tokenizer_dir;  // "" for none
  std::string config_json;    // kept as it is; "" to make it from the model
  // See SnapshotWriteOptions.
  std::function<absl::Status()> may_commit = nullptr;
};

// Collective: one snapshot at `paths`, without anything around it.
absl::Status WriteOneSnapshot(Communicator& world, Storage& storage,
                              const SnapshotPaths& paths,
                              const SnapshotContent& content,
                              const std::vector<StatePiece>& pieces,
                              PieceReader& reader);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_WRITER_H_
