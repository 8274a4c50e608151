#ifndef PERDURE_CHECKPOINT_SNAPSHOT_PIECE_TABLE_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_PIECE_TABLE_H_

// Who holds which elements of which tensor.

#include <string>
#include <vector>

#include "checkpoint/format/safetensors.h"
#include "checkpoint/snapshot/write_protocol.pb.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

struct PlannedTensor {
  StateKind kind = StateKind::kWeight;
  TensorShape tensor;
};

// The pieces in the order of writing: by kind, name, begin. Those without
// elements are left out.
using PieceOrder = std::vector<const StatePiece*>;
PieceOrder WriteOrder(const std::vector<StatePiece>& pieces);

// What these pieces are, equal ones at equal distance as one pattern: the
// rows of an inner-dim shard take one entry. Internal for a piece that is not
// within its tensor.
absl::StatusOr<RankShares> DescribePieces(const PieceOrder& order);

// All tensors by kind and name, if the pieces of all ranks agree on dtype and
// shape and cover every element exactly once; otherwise Internal names tensor,
// elements and ranks. A pure function, so all ranks come to the same result.
absl::StatusOr<std::vector<PlannedTensor>> MergeShares(
    const std::vector<RankShares>& of_ranks);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_PIECE_TABLE_H_
