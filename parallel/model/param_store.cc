#include "parallel/model/param_store.h"

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

}  // namespace

ParamStore::Sizes ParamStore::SizesFor(const ParamLayout& layout, DType dtype) {
  Sizes sizes;
  sizes.weights = static_cast<uint64_t>(layout.size() * SizeOf(dtype));
  sizes.gradients = static_cast<uint64_t>(layout.size() * SizeOf(DType::kF32));
  if (dtype != DType::kF32) {
    int64_t total = 0;
    VectorOffsets(layout, &total);
    sizes.vectors = static_cast<uint64_t>(total * SizeOf(DType::kF32));
  }
  return sizes;
}

ParamStore::ParamStore(const ParamLayout* layout, DType dtype, void* weights,
                       float* vectors, float* gradients)
    : layout_(layout),
      dtype_(dtype),
      weights_(weights),
      vectors_(vectors),
      gradients_(gradients) {
  int64_t total = 0;
  vector_offsets_ = VectorOffsets(*layout, &total);
}

MatrixView ParamStore::View(void* base, DType dtype, const ParamSlot& slot,
                            int fused) const {
  int64_t rows = slot.shape[0];
  const ParamSlot* next = &slot;
  for (int i = 0; i < fused; ++i) {
    ++next;
    DCHECK(next->spec.fused_with_previous);
    rows += next->shape[0];
  }
  char* data = static_cast<char*>(base) + slot.offset * SizeOf(dtype);
  return MatrixView(data, dtype, rows, slot.shape[1]);
}

MatrixView ParamStore::Matrix(int block, ParamRole role, int fused) const {
  const ParamSlot* slot = layout_->Find(block, role);
  CHECK(slot != nullptr);
  return View(weights_, dtype_, *slot, fused);
}

MatrixView ParamStore::MatrixGrad(int block, ParamRole role, int fused) const {
  const ParamSlot* slot = layout_->Find(block, role);
  CHECK(slot != nullptr);
  return View(gradients_, DType::kF32, *slot, fused);
}

float* ParamStore::Vector(int block, ParamRole role) const {
  const ParamSlot* slot = layout_->Find(block, role);
  return slot == nullptr ? nullptr : static_cast<float*>(SlotData(*slot));
}

float* ParamStore::VectorGrad(int block, ParamRole role) const {
  const ParamSlot* slot = layout_->Find(block, role);
  return slot == nullptr || gradients_ == nullptr ? nullptr : SlotGrad(*slot);
}

DType ParamStore::SlotDType(const ParamSlot& slot) const {
  return slot.spec.is_matrix() ? dtype_ : DType::kF32;
}

void* ParamStore::SlotData(const ParamSlot& slot, int64_t begin) const {
  if (dtype_ != DType::kF32 && !slot.spec.is_matrix()) {
    return vectors_ + VectorOffset(slot) + begin;
  }
  return static_cast<char*>(weights_) + (slot.offset + begin) * SizeOf(dtype_);
}

float* ParamStore::SlotGrad(const ParamSlot& slot, int64_t begin) const {
  return gradients_ + slot.offset + begin;
}

int64_t ParamStore::VectorOffset(const ParamSlot& slot) const {
  return vector_offsets_[static_cast<size_t>(&slot - layout_->slots().data())];
}

}  // namespace perdure
