#include "parallel/engine/weight_publisher.h"

#include <algorithm>
#include <cstring>

namespace perdure {

WeightPublisher::WeightPublisher(ModelRuntime* runtime) : runtime_(runtime) {
  const int replicas = runtime->groups().dp->size();
  for (int r = 0; r < replicas; ++r) {
    owners_.push_back(TrainedBy(runtime->layout(), replicas, r));
  }
}

absl::Status WeightPublisher::Publish() {
  if (owners_.size() == 1) return absl::OkStatus();
  return runtime_->memory().shared() ? CopyFromPeers() : ExchangeOverNetwork();
}

absl::Status WeightPublisher::CopyFromPeers() {
  const ProcessGroups& groups = runtime_->groups();
  const ReplicaMemory& memory = runtime_->memory();
  ParamStore& params = runtime_->params();
  RETURN_IF_ERROR(groups.dp->Barrier());
  for (int r = 0; r < static_cast<int>(owners_.size()); ++r) {
    if (r == groups.me.dp) continue;
    const ParamStore theirs(&runtime_->layout(), params.dtype(),
                            memory.weights(r), memory.vectors(r), nullptr);
    for (const OwnedRange& range : owners_[static_cast<size_t>(r)].ranges) {
      const ParamSlot& slot =
          runtime_->layout().slots()[static_cast<size_t>(range.slot)];
      std::memcpy(
          params.SlotData(slot, range.begin),
          theirs.SlotData(slot, range.begin),
          static_cast<size_t>(range.size() * SizeOf(params.SlotDType(slot))));
    }
  }
  return absl::OkStatus();
}

absl::Status WeightPublisher::ExchangeOverNetwork() {
  const ProcessGroups& groups = runtime_->groups();
  ParamStore& params = runtime_->params();
  int64_t largest = 0;
  for (const Ownership& owner : owners_) {
    largest = std::max(largest, owner.state_size);
  }
  // fp32 room for every element: vectors keep their precision in bf16 runs.
  const size_t part = static_cast<size_t>(largest) * sizeof(float);
  std::vector<char> mine(part), all(part * owners_.size());
  const auto move = [&](const Ownership& owner, char* buffer, bool pack) {
    for (const OwnedRange& range : owner.ranges) {
      const ParamSlot& slot =
          runtime_->layout().slots()[static_cast<size_t>(range.slot)];
      char* packed = buffer + range.state_offset * 4;
      void* data = params.SlotData(slot, range.begin);
      const size_t bytes =
          static_cast<size_t>(range.size() * SizeOf(params.SlotDType(slot)));
      std::memcpy(pack ? packed : data, pack ? data : packed, bytes);
    }
  };
  move(owners_[static_cast<size_t>(groups.me.dp)], mine.data(), /*pack=*/true);
  RETURN_IF_ERROR(groups.dp->AllGather(mine.data(), part, all.data()));
  for (size_t r = 0; r < owners_.size(); ++r) {
    if (static_cast<int>(r) == groups.me.dp) continue;
    move(owners_[r], all.data() + r * part, /*pack=*/false);
  }
  return absl::OkStatus();
}

}  // namespace perdure
