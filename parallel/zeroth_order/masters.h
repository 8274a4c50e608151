#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_MASTERS_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_MASTERS_H_

// fp32 copies of trained 16-bit matrices, which take the updates (Rounding
// MASTERS).

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/optimizer_state.h"
#include "runtime/tensor/tensor.h"

namespace perdure {

class Masters : public OptimizerState {
 public:
  // `runtime` outlives it. Uninitialised: SetFromWeights, or load.
  explicit Masters(ModelRuntime* runtime);

  void SetFromWeights();
  // Elements of a slot's local shard from `begin` on; nullptr for vectors and
  // for what is not trained.
  float* At(const ParamSlot& slot, int64_t begin);

  const Ownership& held() const override { return held_; }
  int parts() const override { return 1; }
  std::vector<StateKind> Kinds(const ParamSlot& slot) const override;
  float* Data(StateKind kind, const OwnedRange& range) override;

 private:
  ModelRuntime* runtime_;
  Ownership held_;
  std::vector<int64_t> offsets_;  // by slot
  Tensor data_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_MASTERS_H_
