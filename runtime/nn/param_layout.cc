#include "runtime/nn/param_layout.h"

#include <utility>

#include "glog/logging.h"

namespace perdure {
namespace {

int64_t RoundUp(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

constexpr int kRoles = static_cast<int>(ParamRole::kHeadWeight) + 1;

size_t PlaceOf(int block, ParamRole role) {
  return static_cast<size_t>(block * kRoles + static_cast<int>(role));
}

}  // namespace

ParamLayout::ParamLayout(const ModelConfig& model, const Topology& topology,
                         const RankCoordinates& coordinates)
    : tp_(topology.tp()), tp_rank_(coordinates.tp) {
  const Range blocks = StageBlocks(model, topology.pp(), coordinates.pp);
  slot_of_.assign(PlaceOf(model.layers() + 2, ParamRole{}), -1);
  for (ParamSpec& spec : ModelParams(model)) {
    if (spec.block < blocks.begin || spec.block >= blocks.end) continue;
    // The tied head: the table itself where this stage has it (one stage in
    // all), a copy where it is at the other end of the pipeline.
    const bool tied = !spec.alias_of.empty();
    const size_t place = PlaceOf(spec.block, spec.role);
    if (tied && blocks.begin == 0) {
      slot_of_[place] = slot_of_[PlaceOf(0, ParamRole::kTokenEmbedding)];
      continue;
    }
    slot_of_[place] = static_cast<int>(slots_.size());
    ParamSlot slot;
    slot.shape = ShardShape(spec, tp_, tp_rank_);
    slot.size = slot.shape[0] * (spec.is_matrix() ? slot.shape[1] : 1);
    CHECK(!spec.fused_with_previous || !slots_.empty()) << spec.name;
    slot.offset = spec.fused_with_previous ? size_ : RoundUp(size_, kAlignment);
    slot.is_copy = tied;
    slot.spec = std::move(spec);
    size_ = slot.offset + slot.size;
    slots_.push_back(std::move(slot));
  }
  size_ = RoundUp(size_, kAlignment);
  PlaceGradients();
}

// Slots that are fused have gradients together, as one matrix.
void ParamLayout::PlaceGradients() {
  for (size_t begin = 0, end = 0; begin < slots_.size(); begin = end) {
    bool trained = false;
    do {
      trained = trained || slots_[end].spec.trainable;
      ++end;
    } while (end < slots_.size() && slots_[end].spec.fused_with_previous);
    if (!trained) continue;
    gradient_size_ = RoundUp(gradient_size_, kAlignment);
    for (size_t i = begin; i < end; ++i) {
      slots_[i].gradient_offset = gradient_size_;
      gradient_size_ += slots_[i].size;
    }
  }
  gradient_size_ = RoundUp(gradient_size_, kAlignment);
}

const ParamSlot* ParamLayout::Find(int block, ParamRole role) const {
  const int slot = slot_of_[PlaceOf(block, role)];
  return slot < 0 ? nullptr : &slots_[static_cast<size_t>(slot)];
}

}  // namespace perdure
