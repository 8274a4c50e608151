#include "parallel/zeroth_order/weight_windows.h"

#include <algorithm>
#include <utility>

namespace perdure {
namespace {

constexpr int64_t kAlignment = 64;  // bytes

bool IsTable(const ParamSlot& slot) {
  return slot.spec.role == ParamRole::kTokenEmbedding ||
         slot.spec.role == ParamRole::kPositionEmbedding;
}

class Planner {
 public:
  Planner(const ParamLayout& layout, DType dtype, WindowScope scope)
      : slots_(layout.slots()), dtype_(dtype), scope_(scope) {
    plan_.offsets.assign(slots_.size(), -1);
    for (const ParamSlot& slot : slots_)
      plan_.blocks.push_back(slot.spec.block);
  }

  // Slots [begin, end), which a fused product reads together: copied together,
  // even where only one of them is trained.
  void Place(size_t begin, size_t end, int block) {
    if (scope_ == WindowScope::kBlock && block != block_) at_ = 0;
    block_ = block;
    at_ = (at_ + kAlignment - 1) / kAlignment * kAlignment;
    for (size_t i = begin; i < end; ++i) {
      plan_.blocks[i] = block;
      plan_.offsets[i] = at_;
      at_ += slots_[i].size *
             SizeOf(slots_[i].spec.is_matrix() ? dtype_ : DType::kF32);
      plan_.bytes = std::max(plan_.bytes, at_);
    }
  }

  WindowPlan Take() { return std::move(plan_); }

 private:
  const std::vector<ParamSlot>& slots_;
  DType dtype_;
  WindowScope scope_;
  WindowPlan plan_;
  int64_t at_ = 0;
  int block_ = -1;
};

}  // namespace

WindowPlan PlanWindows(const ParamLayout& layout, DType dtype,
                       WindowScope scope) {
  const std::vector<ParamSlot>& slots = layout.slots();
  Planner planner(layout, dtype, scope);
  for (size_t begin = 0, end = 0; begin < slots.size(); begin = end) {
    bool trained = false;
    do {
      trained = trained || slots[end].spec.trainable;
      ++end;
    } while (end < slots.size() && slots[end].spec.fused_with_previous);
    if (trained && !IsTable(slots[begin])) {
      planner.Place(begin, end, slots[begin].spec.block);
    }
  }
  // The head of a tied model whose stage has the table too.
  const int last = slots.back().spec.block;
  const ParamSlot* head = layout.Find(last, ParamRole::kHeadWeight);
  if (head != nullptr && IsTable(*head) && head->spec.trainable) {
    const size_t table = static_cast<size_t>(head - slots.data());
    planner.Place(table, table + 1, last);
  }
  return planner.Take();
}

WeightWindows::WeightWindows(const ParamStore* params, Device* device,
                             WindowScope scope, int copies)
    : params_(params),
      plan_(PlanWindows(params->layout(), params->dtype(), scope)) {
  const std::vector<ParamSlot>& slots = params->layout().slots();
  for (int c = 0; c < copies; ++c) {
    memory_.emplace_back(*device, DType::kU8, 1, plan_.bytes);
    std::vector<void*> data;
    for (size_t i = 0; i < slots.size(); ++i) {
      data.push_back(holds(i) ? Data(c == 0 ? +1 : -1, i, 0)
                              : params->SlotData(slots[i]));
    }
    stores_.emplace_back(&params->layout(), params->dtype(), std::move(data));
  }
}

void* WeightWindows::Data(int sign, size_t slot, int64_t begin) const {
  const Tensor& memory = memory_[sign > 0 ? 0 : 1];
  char* base = static_cast<char*>(const_cast<void*>(memory.view().data));
  const ParamSlot& at = params_->layout().slots()[slot];
  return base + plan_.offsets[slot] + begin * SizeOf(params_->SlotDType(at));
}

}  // namespace perdure
