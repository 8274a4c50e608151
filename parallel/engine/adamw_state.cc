#include "parallel/engine/adamw_state.h"

#include "runtime/kernels/adamw.h"
#include "runtime/kernels/elementwise.h"

namespace perdure {

AdamWState::AdamWState(ModelRuntime* runtime, const OptimConfig& config,
                       Ownership updates)
    : runtime_(runtime), config_(config), updates_(std::move(updates)) {
  const ModelContext& context = runtime->context();
  const int64_t n = updates_.state_size;
  moment1_ = Tensor(*context.device, DType::kF32, 1, n);
  moment2_ = Tensor(*context.device, DType::kF32, 1, n);
  kernels::Fill(context.stream, 0, moment1_.data<float>(), n);
  kernels::Fill(context.stream, 0, moment2_.data<float>(), n);
  if (context.dtype() != DType::kF32) {
    master_ = Tensor(*context.device, DType::kF32, 1, n);
  }
}

std::vector<StateKind> AdamWState::Kinds(const ParamSlot& slot) const {
  std::vector<StateKind> kinds = {StateKind::kMoment1, StateKind::kMoment2};
  if (has_masters() && slot.spec.is_matrix()) {
    kinds.push_back(StateKind::kMaster);
  }
  return kinds;
}

float* AdamWState::Data(StateKind kind, const OwnedRange& range) {
  Tensor& tensor = kind == StateKind::kMaster    ? master_
                   : kind == StateKind::kMoment1 ? moment1_
                                                 : moment2_;
  return tensor.data<float>() + range.state_offset;
}

void AdamWState::SetMastersFromWeights() {
  if (!has_masters()) return;
  ParamStore& params = runtime_->params();
  for (const OwnedRange& range : updates_.ranges) {
    const ParamSlot& slot =
        runtime_->layout().slots()[static_cast<size_t>(range.slot)];
    ConvertElements(params.SlotDType(slot), params.SlotData(slot, range.begin),
                    DType::kF32, Data(StateKind::kMaster, range), range.size());
  }
}

void AdamWState::Update(double learning_rate, int64_t number,
                        double grad_scale) {
  ParamStore& params = runtime_->params();
  kernels::AdamWSettings settings;
  settings.lr = static_cast<float>(learning_rate);
  settings.beta1 = static_cast<float>(config_.beta1());
  settings.beta2 = static_cast<float>(config_.beta2());
  settings.eps = static_cast<float>(config_.eps());
  settings.step = number;
  settings.grad_scale = static_cast<float>(grad_scale);
  for (const OwnedRange& range : updates_.ranges) {
    const ParamSlot& slot =
        runtime_->layout().slots()[static_cast<size_t>(range.slot)];
    settings.weight_decay =
        slot.spec.decay ? static_cast<float>(config_.weight_decay()) : 0;
    void* weight = params.SlotData(slot, range.begin);
    const bool narrow = params.SlotDType(slot) == DType::kBF16;
    kernels::AdamW(runtime_->context().stream, settings,
                   {.grad = params.SlotGrad(slot, range.begin),
                    .param = narrow ? Data(StateKind::kMaster, range)
                                    : static_cast<float*>(weight),
                    .m = Data(StateKind::kMoment1, range),
                    .v = Data(StateKind::kMoment2, range),
                    .shadow = narrow ? static_cast<bf16*>(weight) : nullptr,
                    .n = range.size()});
  }
}

}  // namespace perdure
