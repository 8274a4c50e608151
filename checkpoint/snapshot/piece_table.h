#ifndef PERDURE_CHECKPOINT_SNAPSHOT_PIECE_TABLE_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_PIECE_TABLE_H_

// Who holds which elements, where only the ranks themselves know: pieces in any
// cut, described in messages and put together to a StateMap.

#include <vector>

#include "checkpoint/snapshot/write_protocol.pb.h"
#include "runtime/base/status.h"
#include "runtime/state/state_map.h"
#include "runtime/state/train_state.h"

namespace perdure {

// The pieces in the order of a StateMap: by tensor, then begin. Those without
// elements are left out.
using PieceOrder = std::vector<const StatePiece*>;
PieceOrder WriteOrder(const std::vector<StatePiece>& pieces);

// What these pieces are, equal ones at equal distance as one pattern: the
// rows of an inner-dim shard take one entry. Internal for a piece that is not
// within its tensor.
absl::StatusOr<RankShares> DescribePieces(const PieceOrder& order);

// The map in which every rank's ranges are its pieces, in write order. Internal
// if ranks disagree on the dtype or shape of a tensor. A pure function, so all
// ranks come to the same result.
absl::StatusOr<StateMap> MergeShares(const std::vector<RankShares>& of_ranks);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_PIECE_TABLE_H_
