#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_WRITER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_WRITER_H_

// WriteSnapshot with its parts open: the storage, the place, the bytes' source.

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/snapshot.h"
#include "checkpoint/snapshot/staged_snapshot.h"
#include "runtime/state/train_state.h"

namespace perdure {

// As WriteSnapshot, on a given storage.
absl::Status WriteSnapshotTo(Communicator& world, Storage& storage,
                             const SnapshotWriteOptions& options,
                             const RunState& run,
                             const std::vector<StatePiece>& pieces);

// Where the bytes of pieces come from, a block at a time.
class PieceReader {
 public:
  virtual ~PieceReader() = default;
  // Bytes [offset, offset + size) of a piece, size <= kBlockBytes; valid until
  // the next call.
  virtual absl::StatusOr<const void*> Bytes(const StatePiece& piece,
                                            uint64_t offset, size_t size) = 0;
};

// Pieces that lie in memory, at StatePiece::data.
class MemoryPieces : public PieceReader {
 public:
  absl::StatusOr<const void*> Bytes(const StatePiece& piece, uint64_t offset,
                                    size_t) override {
    return static_cast<const char*>(piece.data) + offset;
  }
};

struct SnapshotContent {
  RunState run;
  ModelConfig model;
  std::string tokenizer_dir;  // "" for none
  std::string config_json;    // kept as it is; "" to make it from the model
  // See SnapshotWriteOptions.
  std::function<absl::Status()> may_commit = nullptr;
};

// Collective: one snapshot at `paths`, without anything around it. Takes little
// memory however much is written: a block is read, written, and then the next
// is read, in the pieces' write order, all by the calling thread.
absl::Status WriteOneSnapshot(Communicator& world, Storage& storage,
                              const SnapshotPaths& paths,
                              const SnapshotContent& content,
                              const std::vector<StatePiece>& pieces,
                              PieceReader& reader);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_WRITER_H_
