#ifndef PERDURE_CHECKPOINT_REPLAY_REPLAYED_PIECES_H_
#define PERDURE_CHECKPOINT_REPLAY_REPLAYED_PIECES_H_

// The state of a zeroth-order run some steps after a snapshot, made a block at
// a time as it is asked for.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/journal/journal.pb.h"
#include "checkpoint/snapshot/snapshot_writer.h"
#include "runtime/device/device.h"
#include "runtime/optim/zeroth_order.h"
#include "runtime/state/train_state.h"

namespace perdure {

class ReplayedPieces : public PieceReader {
 public:
  // `base` outlives it; what it lacks of masters are its weights (a run's
  // initial ones). `updates` are of the steps after it. `threads` work on a
  // block.
  ReplayedPieces(StateSource* base, const JournalConstants& constants,
                 std::vector<ZerothOrderUpdate> updates, int threads);

  // All that the run's snapshots hold, each tensor one piece.
  std::vector<StatePiece> Pieces() const;

  // StateDigest of the base's weights.
  absl::StatusOr<uint64_t> BaseDigest();

  absl::StatusOr<const void*> Bytes(const StatePiece& piece, uint64_t offset,
                                    size_t size) override;

 private:
  DType WeightDType(const JournalParameter& parameter) const;
  bool HasMaster(const JournalParameter& parameter) const;
  // Elements [first, first + n) of the base, as `dtype`, to `to`.
  absl::Status Read(const JournalParameter& parameter, StateKind kind,
                    DType dtype, int64_t first, int64_t n, void* to);
  // Makes the updates to elements from `first` on.
  void Apply(const JournalParameter& parameter, DType dtype, int64_t first,
             int64_t n, void* data);

  StateSource* base_;
  const JournalConstants constants_;
  const std::vector<ZerothOrderUpdate> updates_;
  std::unique_ptr<Device> device_;
  std::map<std::string, const JournalParameter*> parameters_;
  std::vector<std::string> stored_masters_;  // of the base, sorted
  std::vector<char> block_;
  std::vector<float> master_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_REPLAY_REPLAYED_PIECES_H_
