#include "parallel/engine/gradient_reducer.h"

#include <algorithm>
#include <cstring>

#include "runtime/kernels/elementwise.h"

namespace perdure {
namespace {

constexpr int64_t kBlock = 16384;  // 64 KiB: two of them live in a core's cache

}  // namespace

GradientReducer::GradientReducer(ModelRuntime* runtime, const Ownership* mine)
    : runtime_(runtime), mine_(mine) {
  if (runtime->groups().dp->size() > 1) {
    block_ = Tensor(*runtime->context().device, DType::kF32, 1, kBlock);
  }
}

absl::Status GradientReducer::SumSharedTable() {
  const ProcessGroups& groups = runtime_->groups();
  if (groups.ends == nullptr) return absl::OkStatus();
  const int head = runtime_->model().layers() + 1;
  const ParamSlot* slot =
      groups.last_stage()
          ? runtime_->layout().Find(head, ParamRole::kHeadWeight)
          : runtime_->layout().Find(0, ParamRole::kTokenEmbedding);
  if (!runtime_->model().tie_embeddings() || !slot->spec.trainable) {
    return absl::OkStatus();
  }
  return groups.ends->AllReduce(runtime_->params().SlotGrad(*slot), slot->size,
                                DType::kF32, ReduceOp::kSum);
}

void GradientReducer::SumOwned() {
  const ProcessGroups& groups = runtime_->groups();
  const ReplicaMemory& memory = runtime_->memory();
  const StreamView stream = runtime_->context().stream;
  const int replicas = groups.dp->size();
  for (const OwnedRange& range : mine_->ranges) {
    const ParamSlot& slot =
        runtime_->layout().slots()[static_cast<size_t>(range.slot)];
    for (int64_t at = range.begin; at < range.end; at += kBlock) {
      const int64_t n = std::min(kBlock, range.end - at);
      const int64_t offset = slot.gradient_offset + at;
      const MatrixView sum(block_.data<float>(), DType::kF32, 1, n);
      std::memcpy(sum.data, memory.gradients(0) + offset,
                  static_cast<size_t>(n) * sizeof(float));
      for (int r = 1; r < replicas; ++r) {
        kernels::Add(
            stream,
            ConstMatrixView(memory.gradients(r) + offset, DType::kF32, 1, n),
            sum);
      }
      std::memcpy(memory.gradients(groups.me.dp) + offset, sum.data,
                  static_cast<size_t>(n) * sizeof(float));
    }
  }
}

double GradientReducer::OwnedSumOfSquares() const {
  const ProcessGroups& groups = runtime_->groups();
  double sum = 0;
  for (const OwnedRange& range : mine_->ranges) {
    const ParamSlot& slot =
        runtime_->layout().slots()[static_cast<size_t>(range.slot)];
    // What several ranks hold alike is counted by one of them.
    const bool counted =
        !slot.is_copy && (slot.spec.split_dim >= 0 || groups.me.tp == 0);
    if (!counted) continue;
    sum += kernels::SumOfSquares(runtime_->context().stream,
                                 runtime_->params().SlotGrad(slot, range.begin),
                                 range.size());
  }
  return sum;
}

absl::StatusOr<double> GradientReducer::Reduce() {
  const ProcessGroups& groups = runtime_->groups();
  RETURN_IF_ERROR(SumSharedTable());
  if (groups.dp->size() > 1) {
    if (runtime_->memory().shared()) {
      RETURN_IF_ERROR(groups.dp->Barrier());
      SumOwned();
    } else {
      RETURN_IF_ERROR(groups.dp->AllReduce(
          runtime_->memory().gradients(groups.me.dp),
          runtime_->layout().gradient_size(), DType::kF32, ReduceOp::kSum));
    }
  }
  return AllReduceScalar(*groups.world, OwnedSumOfSquares(), ReduceOp::kSum);
}

absl::Status GradientReducer::GatherAll() {
  const ProcessGroups& groups = runtime_->groups();
  const int replicas = groups.dp->size();
  if (replicas == 1 || !runtime_->memory().shared()) return absl::OkStatus();
  RETURN_IF_ERROR(groups.dp->Barrier());
  for (int r = 0; r < replicas; ++r) {
    if (r == groups.me.dp) continue;
    for (const OwnedRange& range :
         TrainedBy(runtime_->layout(), replicas, r).ranges) {
      const ParamSlot& slot =
          runtime_->layout().slots()[static_cast<size_t>(range.slot)];
      const int64_t offset = slot.gradient_offset + range.begin;
      std::memcpy(runtime_->memory().gradients(groups.me.dp) + offset,
                  runtime_->memory().gradients(r) + offset,
                  static_cast<size_t>(range.size()) * sizeof(float));
    }
  }
  return groups.dp->Barrier();
}

}  // namespace perdure
