#include "parallel/model/param_store.h"

#include <utility>

#include "glog/logging.h"

namespace perdure {
namespace {

int64_t RoundUp(int64_t n) {
  return (n + ParamLayout::kAlignment - 1) / ParamLayout::kAlignment *
         ParamLayout::kAlignment;
}

// Offsets of the vectors in their own buffer. Fused vectors stay adjacent.
std::vector<int64_t> VectorOffsets(const ParamLayout& layout, int64_t* total) {
  std::vector<int64_t> offsets;
  int64_t at = 0;
  for (const ParamSlot& slot : layout.slots()) {
    if (slot.spec.is_matrix()) {
      offsets.push_back(-1);
      continue;
    }
    if (!slot.spec.fused_with_previous) at = RoundUp(at);
    offsets.push_back(at);
    at += slot.size;
  }
  *total = RoundUp(at);
  return offsets;
}

// The slot together with `fused` more behind it.
MatrixView FusedView(void* data, DType dtype, const ParamSlot& slot,
                     int fused) {
  int64_t rows = slot.shape[0];
  const ParamSlot* next = &slot;
  for (int i = 0; i < fused; ++i) {
    ++next;
    DCHECK(next->spec.fused_with_previous);
    rows += next->shape[0];
  }
  return MatrixView(data, dtype, rows, slot.shape[1]);
}

}  // namespace

ParamStore::Sizes ParamStore::SizesFor(const ParamLayout& layout, DType dtype) {
  Sizes sizes;
  sizes.weights = static_cast<uint64_t>(layout.size() * SizeOf(dtype));
  sizes.gradients =
      static_cast<uint64_t>(layout.gradient_size() * SizeOf(DType::kF32));
  if (dtype != DType::kF32) {
    int64_t total = 0;
    VectorOffsets(layout, &total);
    sizes.vectors = static_cast<uint64_t>(total * SizeOf(DType::kF32));
  }
  return sizes;
}

ParamStore::ParamStore(const ParamLayout* layout, DType dtype, void* weights,
                       float* vectors, float* gradients)
    : layout_(layout), dtype_(dtype), gradients_(gradients) {
  int64_t total = 0;
  const std::vector<int64_t> offsets = VectorOffsets(*layout, &total);
  for (size_t i = 0; i < offsets.size(); ++i) {
    const ParamSlot& slot = layout->slots()[i];
    const bool apart = dtype != DType::kF32 && !slot.spec.is_matrix();
    slots_.push_back(apart ? static_cast<void*>(vectors + offsets[i])
                           : static_cast<char*>(weights) +
                                 slot.offset * SizeOf(dtype));
  }
}

ParamStore::ParamStore(const ParamLayout* layout, DType dtype,
                       std::vector<void*> slots)
    : layout_(layout), dtype_(dtype), slots_(std::move(slots)) {
  CHECK_EQ(slots_.size(), layout->slots().size());
}

size_t ParamStore::IndexOf(const ParamSlot& slot) const {
  return static_cast<size_t>(&slot - layout_->slots().data());
}

MatrixView ParamStore::Matrix(int block, ParamRole role, int fused) const {
  const ParamSlot* slot = layout_->Find(block, role);
  CHECK(slot != nullptr);
  return FusedView(slots_[IndexOf(*slot)], dtype_, *slot, fused);
}

MatrixView ParamStore::MatrixGrad(int block, ParamRole role, int fused) const {
  const ParamSlot* slot = layout_->Find(block, role);
  CHECK(slot != nullptr);
  return FusedView(SlotGrad(*slot), DType::kF32, *slot, fused);
}

float* ParamStore::Vector(int block, ParamRole role) const {
  const ParamSlot* slot = layout_->Find(block, role);
  return slot == nullptr ? nullptr : static_cast<float*>(SlotData(*slot));
}

float* ParamStore::VectorGrad(int block, ParamRole role) const {
  const ParamSlot* slot = layout_->Find(block, role);
  const bool none = slot == nullptr || !has_gradient(*slot);
  return none ? nullptr : SlotGrad(*slot);
}

DType ParamStore::SlotDType(const ParamSlot& slot) const {
  return slot.spec.is_matrix() ? dtype_ : DType::kF32;
}

void* ParamStore::SlotData(const ParamSlot& slot, int64_t begin) const {
  return static_cast<char*>(slots_[IndexOf(slot)]) +
         begin * SizeOf(SlotDType(slot));
}

float* ParamStore::SlotGrad(const ParamSlot& slot, int64_t begin) const {
  DCHECK(has_gradient(slot)) << slot.spec.name;
  return gradients_ + slot.gradient_offset + begin;
}

}  // namespace perdure
