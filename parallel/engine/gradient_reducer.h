#ifndef PERDURE_PARALLEL_ENGINE_GRADIENT_REDUCER_H_
#define PERDURE_PARALLEL_ENGINE_GRADIENT_REDUCER_H_

// Sums of gradients over replicas, and their global norm.

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/ownership.h"

namespace perdure {

class GradientReducer {
 public:
  // Neither is owned. `mine`: what this replica owns of the
  // trained slots.
  GradientReducer(ModelRuntime* runtime, const Ownership* mine);

  // Collective. Sums the gradients of weights that both ends of a pipeline
  // hold, then those of the replicas, in rank order. Afterwards the elements
  // this replica owns are final in its own buffer. Returns the sum of squares
  // of the whole model's gradient, every parameter counted once; not finite if
  // any gradient is not.
  absl::StatusOr<double> Reduce();
  // Collective. After it this replica's buffer has the sums of all elements.
  absl::Status GatherAll();

 private:
  absl::Status SumSharedTable();
  void SumOwned();
  double OwnedSumOfSquares() const;

  ModelRuntime* runtime_;
  const Ownership* mine_;
  Tensor block_;  // a piece of a sum, cache-sized
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_GRADIENT_REDUCER_H_
