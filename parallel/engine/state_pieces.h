#ifndef PERDURE_PARALLEL_ENGINE_STATE_PIECES_H_
#define PERDURE_PARALLEL_ENGINE_STATE_PIECES_H_

// The state of a run as topology-free pieces, for a snapshot; and what of a
// snapshot this rank needs.

#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/optimizer_state.h"
#include "runtime/state/train_state.h"

namespace perdure {

// Pieces to save. Those of tensors split along columns lie in `buffers`, which
// must outlive them; the others in the run's own memory.
struct SavedPieces {
  std::vector<StatePiece> pieces;
  std::vector<std::vector<char>> buffers;
};

// Collective. All ranks' pieces together cover every tensor once. `optimizer`
// nullptr: weights only.
absl::StatusOr<SavedPieces> CollectPieces(ModelRuntime* runtime,
                                          OptimizerState* optimizer);

// Everything this rank's optimizer holds (moments, masters).
std::vector<StateRequest> OptimizerRequests(ModelRuntime* runtime,
                                            OptimizerState* optimizer);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_STATE_PIECES_H_
