#ifndef PERDURE_PARALLEL_ENGINE_ADAMW_STATE_H_
#define PERDURE_PARALLEL_ENGINE_ADAMW_STATE_H_

// AdamW's moments and, for 16-bit weights, the fp32 masters, of the elements
// that this replica updates.

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/optimizer_state.h"
#include "runtime/config/optim.pb.h"
#include "runtime/tensor/tensor.h"

namespace perdure {

class AdamWState : public OptimizerState {
 public:
  // `updates`: what this replica updates; all of the state is zero, masters are
  // taken from the weights by SetMastersFromWeights.
  AdamWState(ModelRuntime* runtime, const OptimConfig& config,
             Ownership updates);

  const Ownership& held() const override { return updates_; }
  int parts() const override {
    return config_.zero() > 0 ? runtime_->groups().topology.dp() : 1;
  }
  bool has_masters() const { return !master_.empty(); }
  void SetMastersFromWeights();
  // One update of all elements of held(). number counts from 1; grad_scale
  // multiplies the gradients first.
  void Update(double learning_rate, int64_t number, double grad_scale);

  std::vector<StateKind> Kinds(const ParamSlot& slot) const override;
  float* Data(StateKind kind, const OwnedRange& range) override;

 private:
  ModelRuntime* runtime_;
  OptimConfig config_;
  Ownership updates_;
  Tensor moment1_, moment2_, master_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_ADAMW_STATE_H_
