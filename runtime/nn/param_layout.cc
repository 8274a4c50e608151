#include "runtime/nn/param_layout.h"

#include <utility>

#include "glog/logging.h"

namespace perdure {
namespace {

int64_t RoundUp(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace

ParamLayout::ParamLayout(const ModelConfig& model, const Topology& topology,
                         const RankCoordinates& coordinates)
    : tp_(topology.tp()), tp_rank_(coordinates.tp) {
  const Range blocks = StageBlocks(model, topology.pp(), coordinates.pp);
  for (ParamSpec& spec : ModelParams(model)) {
    if (spec.block < blocks.begin || spec.block >= blocks.end) continue;
    // The tied head: the table itself where this stage has it (one stage in
    // all), a copy where it is at the other end of the pipeline.
    const bool tied = !spec.alias_of.empty();
    if (tied && blocks.begin == 0) {
      shared_head_block_ = spec.block;
      continue;
    }
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
}

const ParamSlot* ParamLayout::Find(int block, ParamRole role) const {
  for (const ParamSlot& slot : slots_) {
    if (slot.spec.block == block && slot.spec.role == role) return &slot;
  }
  if (role == ParamRole::kHeadWeight && block == shared_head_block_) {
    return Find(0, ParamRole::kTokenEmbedding);
  }
  return nullptr;
}

}  // namespace perdure
