#ifndef PERDURE_PARALLEL_ENGINE_OPTIMIZER_STATE_H_
#define PERDURE_PARALLEL_ENGINE_OPTIMIZER_STATE_H_

// What an optimizer keeps beside the weights, for snapshots to save and load.

#include <vector>

#include "parallel/engine/ownership.h"
#include "runtime/state/train_state.h"

namespace perdure {

class OptimizerState {
 public:
  virtual ~OptimizerState() = default;
  // The elements this replica has state of. What it owns of the trained slots
  // is among them.
  virtual const Ownership& held() const = 0;
  // Into how many parts the state is cut among the replicas: replica r holds
  // the r % parts()-th. 1: all hold all of it.
  virtual int parts() const = 0;
  // The kinds of state a slot has; all of it is fp32.
  virtual std::vector<StateKind> Kinds(const ParamSlot& slot) const = 0;
  // The state of one of held()'s ranges.
  virtual float* Data(StateKind kind, const OwnedRange& range) = 0;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_OPTIMIZER_STATE_H_
