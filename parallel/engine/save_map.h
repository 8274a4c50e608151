#ifndef PERDURE_PARALLEL_ENGINE_SAVE_MAP_H_
#define PERDURE_PARALLEL_ENGINE_SAVE_MAP_H_

// Which rank saves what. What only one rank holds is that rank's to write; what
// several hold alike is cut among them so that in the end every rank of a stage
// writes about the same number of bytes.

#include <functional>
#include <vector>

#include "runtime/nn/param_layout.h"
#include "runtime/state/state_map.h"

namespace perdure {

// What the ranks of a run hold.
struct StateOutline {
  DType matrix_dtype = DType::kF32;  // of weights; vectors are fp32
  // The fp32 state that the optimizer has of a slot; empty function: none.
  std::function<std::vector<StateKind>(const ParamSlot&)> optimizer_kinds;
  // Replica r holds part r % optimizer_parts of the optimizer state, cut as
  // OwnedBy cuts it; 1: all of it.
  int optimizer_parts = 1;
};

// A pure function: no communication, the same on every rank.
StateMap MakeSaveMap(const ModelConfig& model, const Topology& topology,
                     const StateOutline& outline);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_SAVE_MAP_H_
