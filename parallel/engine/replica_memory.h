#ifndef PERDURE_PARALLEL_ENGINE_REPLICA_MEMORY_H_
#define PERDURE_PARALLEL_ENGINE_REPLICA_MEMORY_H_

// The flat buffers of a rank's weights and gradients. Replicas on one node put
// them into shared segments, so that sums over replicas and copies between them
// are plain memory passes; otherwise they are device memory.

#include <memory>

#include "parallel/model/param_store.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/device.h"

namespace perdure {

class ReplicaMemory {
 public:
  // Collective over dp.
  static absl::StatusOr<std::unique_ptr<ReplicaMemory>> Allocate(
      const ParamStore::Sizes& sizes, bool with_gradients, Device& device,
      Communicator& dp);

  // True where replicas see each other's buffers.
  bool shared() const { return segments_ != nullptr; }
  // Of replica `dp_rank`: any if shared(), else only this one.
  void* weights(int dp_rank) const { return Base(dp_rank); }
  float* vectors(int dp_rank) const;
  float* gradients(int dp_rank) const;

 private:
  char* Base(int dp_rank) const;

  ParamStore::Sizes sizes_;
  std::unique_ptr<SharedSegments> segments_;
  Buffer buffer_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_REPLICA_MEMORY_H_
