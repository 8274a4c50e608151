#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_WEIGHT_WINDOWS_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_WEIGHT_WINDOWS_H_

// Memory for perturbed copies of a rank's weights, theta + eps z and theta -
// eps z: of a block at a time (every block uses the same memory), or of the
// whole stage. What is not trained is not copied; embedding tables are not
// either, their rows are made as they are looked up.

#include <vector>

#include "parallel/model/param_store.h"
#include "runtime/tensor/tensor.h"

namespace perdure {

enum class WindowScope {
  kBlock,  // the memory of the largest block
  kStage,  // of all blocks: passes may go through them in any order
};

// Where the copies of slots lie in one set of windows. Pure.
struct WindowPlan {
  // By slot. The block that computes with it: a tied table belongs to the head.
  std::vector<int> blocks;
  std::vector<int64_t> offsets;  // in bytes; -1: no copy
  int64_t bytes = 0;
};
WindowPlan PlanWindows(const ParamLayout& layout, DType dtype,
                       WindowScope scope);

class WeightWindows {
 public:
  // `params` outlives the windows. `copies`: 1 (plus alone) or 2.
  WeightWindows(const ParamStore* params, Device* device, WindowScope scope,
                int copies);

  // Whether the slot has a copy.
  bool holds(size_t slot) const { return plan_.offsets[slot] >= 0; }
  // The copy's elements from `begin` on; sign +1 or -1.
  void* Data(int sign, size_t slot, int64_t begin) const;
  // Weights where the slots that have copies are these.
  const ParamStore& store(int sign) const { return stores_[sign > 0 ? 0 : 1]; }
  int BlockOf(size_t slot) const { return plan_.blocks[slot]; }

 private:
  const ParamStore* params_;
  WindowPlan plan_;
  std::vector<Tensor> memory_;  // [copies]
  std::vector<ParamStore> stores_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_WEIGHT_WINDOWS_H_
