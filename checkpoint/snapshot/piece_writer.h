#ifndef PERDURE_CHECKPOINT_SNAPSHOT_PIECE_WRITER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_PIECE_WRITER_H_

// Puts one rank's pieces into the files, with their checksums.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/plan.h"
#include "checkpoint/snapshot/write_protocol.pb.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

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

// Writes the pieces, which `shares` describes, into the files of `directory`,
// which exist, and syncs these.
absl::StatusOr<RankExtents> WritePieces(
    Storage& storage, absl::string_view directory, const SnapshotPlan& plan,
    const RankShares& shares, const PieceOrder& order, PieceReader& reader);

// Writes a block, adding its checksum to the extent.
absl::Status WriteBlock(StorageFile& file, uint64_t offset, const void* data,
                        size_t size, ManifestExtent* extent);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_PIECE_WRITER_H_
