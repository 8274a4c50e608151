#ifndef PERDURE_RUNTIME_NN_PARAM_LAYOUT_H_
#define PERDURE_RUNTIME_NN_PARAM_LAYOUT_H_

// Where this rank's shards lie in its flat buffers of parameters and gradients.
// Pure; the same on all replicas.

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/nn/param_spec.h"

namespace perdure {

struct ParamSlot {
  ParamSpec spec;
  std::vector<int64_t> shape;  // local
  int64_t offset = 0;          // in elements, into the flat buffer
  int64_t size = 0;            // local elements
  // Into the flat buffer of gradients; -1: none, because neither this weight
  // nor one that a fused product makes its gradient with is trained.
  int64_t gradient_offset = -1;
  // This stage's copy of a weight owned by another stage (the tied head's when
  // pp > 1): its gradient is summed with the owner's, the snapshot is not its.
  bool is_copy = false;
};

class ParamLayout {
 public:
  ParamLayout() = default;
  // The parameters of the blocks of pipeline stage `coordinates.pp`.
  ParamLayout(const ModelConfig& model, const Topology& topology,
              const RankCoordinates& coordinates);

  const std::vector<ParamSlot>& slots() const { return slots_; }
  // Elements of the flat buffer, gaps included; a multiple of kAlignment.
  int64_t size() const { return size_; }
  // The same of the buffer of gradients.
  int64_t gradient_size() const { return gradient_size_; }
  int tp() const { return tp_; }
  int tp_rank() const { return tp_rank_; }
  // The slot of a role in a block; nullptr if the model has none. The head of a
  // tied model is the token embedding's slot where this stage has both.
  const ParamSlot* Find(int block, ParamRole role) const;

  // Slots start at multiples of this many elements (64 bytes of fp32), but for
  // those fused with the one before.
  static constexpr int64_t kAlignment = 16;

 private:
  void PlaceGradients();

  std::vector<ParamSlot> slots_;
  int64_t size_ = 0;
  int64_t gradient_size_ = 0;
  int tp_ = 1;
  int tp_rank_ = 0;
  // Slot number by block and role; -1: none.
  std::vector<int> slot_of_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_NN_PARAM_LAYOUT_H_
