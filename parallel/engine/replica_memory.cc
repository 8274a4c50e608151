#include "parallel/engine/replica_memory.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

uint64_t RoundUp(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

absl::StatusOr<std::unique_ptr<ReplicaMemory>> ReplicaMemory::Allocate(
    const ParamStore::Sizes& sizes, bool with_gradients, Device& device,
    Communicator& dp) {
  auto memory = std::make_unique<ReplicaMemory>();
  memory->sizes_ = {RoundUp(sizes.weights), RoundUp(sizes.vectors),
                    with_gradients ? RoundUp(sizes.gradients) : 0};
  const uint64_t bytes = memory->sizes_.weights + memory->sizes_.vectors +
                         memory->sizes_.gradients;
  if (dp.size() > 1 && with_gradients) {
    ASSIGN_OR_RETURN(memory->segments_, dp.AllocateShared(bytes));
  }
  if (memory->segments_ == nullptr) {
    ASSIGN_OR_RETURN(memory->buffer_, device.Allocate(bytes));
  }
  return memory;
}

char* ReplicaMemory::Base(int dp_rank) const {
  if (segments_ != nullptr) {
    return static_cast<char*>(segments_->segment(dp_rank));
  }
  return static_cast<char*>(const_cast<void*>(buffer_.data()));
}

float* ReplicaMemory::vectors(int dp_rank) const {
  return reinterpret_cast<float*>(Base(dp_rank) + sizes_.weights);
}

float* ReplicaMemory::gradients(int dp_rank) const {
  return reinterpret_cast<float*>(Base(dp_rank) + sizes_.weights +
                                  sizes_.vectors);
}

}  // namespace perdure
