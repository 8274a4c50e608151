#include "parallel/zeroth_order/masters.h"

namespace perdure {

Masters::Masters(ModelRuntime* runtime)
    : runtime_(runtime),
      held_(TrainedBy(runtime->layout(), /*dp=*/1, /*dp_rank=*/0)),
      offsets_(runtime->layout().slots().size(), 0),
      data_(*runtime->context().device, DType::kF32, 1, held_.state_size) {
  for (const OwnedRange& range : held_.ranges) {
    offsets_[static_cast<size_t>(range.slot)] = range.state_offset;
  }
}

void Masters::SetFromWeights() {
  for (const ParamSlot& slot : runtime_->layout().slots()) {
    if (At(slot, 0) == nullptr) continue;
    ConvertElements(runtime_->params().SlotDType(slot),
                    runtime_->params().SlotData(slot), DType::kF32, At(slot, 0),
                    slot.size);
  }
}

float* Masters::At(const ParamSlot& slot, int64_t begin) {
  if (!slot.spec.is_matrix() || !slot.spec.trainable) return nullptr;
  const size_t index =
      static_cast<size_t>(&slot - runtime_->layout().slots().data());
  return data_.data<float>() + offsets_[index] + begin;
}

std::vector<StateKind> Masters::Kinds(const ParamSlot& slot) const {
  if (!slot.spec.is_matrix()) return {};
  return {StateKind::kMaster};
}

float* Masters::Data(StateKind, const OwnedRange& range) {
  return data_.data<float>() + range.state_offset;
}

}  // namespace perdure
