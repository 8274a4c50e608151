#ifndef PERDURE_PARALLEL_ENGINE_STATE_PIECES_H_
#define PERDURE_PARALLEL_ENGINE_STATE_PIECES_H_

// This rank's part of the state as pieces with a copy of their bytes, for
// those who look at it rather than save it.

#include <vector>

#include "absl/functional/function_ref.h"
#include "runtime/state/state_map.h"
#include "runtime/state/train_state.h"

namespace perdure {

struct SavedPieces {
  std::vector<StatePiece> pieces;
  std::vector<std::vector<char>> buffers;  // that the pieces lie in
};

// What `give` hands over as the ranges of `rank`.
absl::StatusOr<SavedPieces> CollectPieces(
    const StateMap& map, int rank,
    absl::FunctionRef<absl::Status(StateSink* sink)> give);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_STATE_PIECES_H_
