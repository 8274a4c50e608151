#ifndef PERDURE_PARALLEL_MODEL_PARAM_STORE_H_
#define PERDURE_PARALLEL_MODEL_PARAM_STORE_H_

// The weights and gradients of one rank, in flat buffers laid out by a
// ParamLayout. Matrices have the compute dtype; vectors (norms, biases) are
// always fp32. Gradients are fp32.
//
// Buffers are plain memory that the caller supplies, so that replicas on one
// node can put them where the others read them, and zeroth-order training can
// put perturbed copies of some slots in place of the slots themselves.

#include <cstdint>
#include <vector>

#include "runtime/nn/param_layout.h"
#include "runtime/tensor/view.h"

namespace perdure {

class ParamStore {
 public:
  // Bytes the caller must supply for each buffer, 64-byte aligned.
  struct Sizes {
    uint64_t weights = 0;
    uint64_t vectors = 0;  // 0 for fp32: vectors then lie among the weights
    uint64_t gradients = 0;
  };
  static Sizes SizesFor(const ParamLayout& layout, DType dtype);

  // gradients may be nullptr: weights only, for inference.
  ParamStore(const ParamLayout* layout, DType dtype, void* weights,
             float* vectors, float* gradients);
  // Weights only, each slot where slots[i] says (nullptr: it is not used).
  // Slots that are fused lie one behind the other.
  ParamStore(const ParamLayout* layout, DType dtype, std::vector<void*> slots);

  const ParamLayout& layout() const { return *layout_; }
  DType dtype() const { return dtype_; }
  bool has_gradients() const { return gradients_ != nullptr; }
  // False where the weight is not trained, see ParamSlot.gradient_offset.
  bool has_gradient(const ParamSlot& slot) const {
    return gradients_ != nullptr && slot.gradient_offset >= 0;
  }
  bool has_gradient(int block, ParamRole role) const {
    const ParamSlot* slot = layout_->Find(block, role);
    return slot != nullptr && has_gradient(*slot);
  }

  // The matrix of `role` in `block`, together with `fused` further slots that
  // are laid out right behind it (rows are added up).
  MatrixView Matrix(int block, ParamRole role, int fused = 0) const;
  MatrixView MatrixGrad(int block, ParamRole role, int fused = 0) const;
  // A vector, with those fused behind it; nullptr where the model has none, or
  // (of the gradient) does not train it.
  float* Vector(int block, ParamRole role) const;
  float* VectorGrad(int block, ParamRole role) const;

  // By slot: where elements [begin, ..) of its local shard lie.
  DType SlotDType(const ParamSlot& slot) const;
  void* SlotData(const ParamSlot& slot, int64_t begin = 0) const;
  // has_gradient(slot) must hold.
  float* SlotGrad(const ParamSlot& slot, int64_t begin = 0) const;

 private:
  size_t IndexOf(const ParamSlot& slot) const;

  const ParamLayout* layout_;
  DType dtype_;
  std::vector<void*> slots_;  // where each slot's weights lie
  float* gradients_ = nullptr;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_PARAM_STORE_H_
