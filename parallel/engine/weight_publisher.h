#ifndef PERDURE_PARALLEL_ENGINE_WEIGHT_PUBLISHER_H_
#define PERDURE_PARALLEL_ENGINE_WEIGHT_PUBLISHER_H_

// After each replica has updated the weights it owns: gives them to the others.

#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/ownership.h"

namespace perdure {

class WeightPublisher {
 public:
  explicit WeightPublisher(ModelRuntime* runtime);

  // Collective over dp. On return all weights of this rank are up to date.
  absl::Status Publish();

 private:
  absl::Status CopyFromPeers();
  absl::Status ExchangeOverNetwork();

  ModelRuntime* runtime_;
  std::vector<Ownership> owners_;  // by dp rank
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_WEIGHT_PUBLISHER_H_
