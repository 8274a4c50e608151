#include "launcher/train/memory_plan.h"

#include <algorithm>

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/ownership.h"
#include "parallel/model/param_store.h"
#include "parallel/zeroth_order/weight_windows.h"
#include "runtime/nn/param_layout.h"

namespace perdure {
namespace {

// Bytes that one row (token) of a micro-batch keeps in one layer.
int64_t LayerBytesPerRow(const ModelConfig& model, int tp, int tp_rank,
                         int64_t element) {
  const int64_t groups = EvenPart(model.kv_heads(), tp, tp_rank).size();
  const int64_t heads = groups * (model.heads() / model.kv_heads());
  const int64_t attention = (2 * heads + 2 * groups) * model.head_dim();
  const int64_t ffn = EvenPart(model.ffn_hidden(), tp, tp_rank).size();
  const int64_t mlp = model.family() == "llama" ? 3 * ffn : 2 * ffn;
  return element * (2 * model.hidden() + attention + mlp) +
         4 * (2 * model.hidden() + heads + 4);
}

uint64_t LogitBytes(const RunConfig& config, const Topology& topology,
                    const RankCoordinates& at, int64_t bytes_per_logit) {
  const TrainConfig& train = config.train();
  const int64_t rows = int64_t{train.micro_batch()} * train.sequence_length();
  return static_cast<uint64_t>(
      std::min<int64_t>(rows, 256) *
      EvenPart(config.model().vocab_size(), topology.tp(), at.tp).size() *
      bytes_per_logit);
}

// Replicas share the writing of what they hold alike.
void PlanSnapshots(const RunConfig& config, const Topology& topology,
                   MemoryPlan* plan) {
  const auto replicas = static_cast<uint64_t>(topology.dp() * topology.pertp());
  const bool sharded = config.train().method() != TrainConfig::ZEROTH_ORDER &&
                       config.optim().zero() > 0;
  const uint64_t part =
      plan->weights / replicas + plan->optimizer / (sharded ? 1 : replicas);
  const SnapshotConfig& snapshot = config.snapshot();
  const auto pool = static_cast<uint64_t>(snapshot.pool_mb()) << 20;
  const bool memory = snapshot.memory_every_steps() > 0;
  const int tiers =
      1 + (memory ? 1 : 0) + (snapshot.local_every_steps() > 0 ? 1 : 0);
  plan->snapshot_pool =
      static_cast<uint64_t>(tiers) * (pool == 0 ? part : std::min(part, pool));
  if (memory) plan->memory_tier = 3 * 2 * part;
}

// `plan` has the weights.
MemoryPlan PlanZerothOrder(const RunConfig& config, const Topology& topology,
                           const RankCoordinates& at, const ParamLayout& layout,
                           MemoryPlan plan) {
  const ModelConfig& model = config.model();
  const TrainConfig& train = config.train();
  const ZerothOrderConfig& zeroth = config.zeroth_order();
  const bool bf16 = train.dtype() == TrainConfig::BF16;
  const bool pipelined = topology.pp() > 1;
  const bool central = zeroth.estimator() == ZerothOrderConfig::CENTRAL;
  plan.perturbed = static_cast<uint64_t>(
      (central ? 2 : 1) *
      PlanWindows(layout, ComputeDType(train),
                  pipelined ? WindowScope::kStage : WindowScope::kBlock)
          .bytes);
  if (bf16 && zeroth.rounding() == ZerothOrderConfig::MASTERS) {
    plan.optimizer =
        4 * static_cast<uint64_t>(TrainedBy(layout, 1, 0).state_size);
  }
  const int64_t rows = int64_t{train.micro_batch()} * train.sequence_length();
  const Range blocks = StageBlocks(model, topology.pp(), at.pp);
  const int64_t layer =
      LayerBytesPerRow(model, topology.tp(), at.tp, bf16 ? 2 : 4);
  // Residual streams: of all passes that go through a block together, or of the
  // layers of the pass that a stage works on and of the one it sends.
  const int64_t together =
      (central ? 2 : 1) *
      EvenPart(MicroBatches(train), topology.dp(), at.dp).size();
  const int64_t streams = pipelined ? 2 * (blocks.size() + 1) : together + 1;
  plan.activations =
      static_cast<uint64_t>(rows * (streams * 4 * model.hidden() + 2 * layer));
  if (blocks.end == model.layers() + 2) {
    plan.logits = LogitBytes(config, topology, at, 4);
  }
  PlanSnapshots(config, topology, &plan);
  return plan;
}

}  // namespace

int64_t MicroBatches(const TrainConfig& train) {
  return (train.global_batch() + train.micro_batch() - 1) / train.micro_batch();
}

Schedule TrainingScheduleOf(const RunConfig& config, const Topology& topology,
                            const RankCoordinates& at) {
  const int share = static_cast<int>(
      EvenPart(MicroBatches(config.train()), topology.dp(), at.dp).size());
  return config.train().pipeline_schedule() == TrainConfig::GPIPE
             ? GPipeSchedule(topology.pp(), at.pp, share)
             : OneForwardOneBackwardSchedule(topology.pp(), at.pp, share);
}

MemoryPlan PlanMemory(const RunConfig& config, const Topology& topology,
                      int rank) {
  const ModelConfig& model = config.model();
  const TrainConfig& train = config.train();
  const RankCoordinates at = topology.CoordinatesOf(rank);
  const DType dtype = ComputeDType(train);
  const ParamLayout layout(model, topology, at);
  const ParamStore::Sizes sizes = ParamStore::SizesFor(layout, dtype);
  MemoryPlan plan;
  plan.weights = sizes.weights + sizes.vectors;
  if (train.method() == TrainConfig::ZEROTH_ORDER) {
    return PlanZerothOrder(config, topology, at, layout, plan);
  }
  plan.gradients = sizes.gradients;
  const Ownership updates = config.optim().zero() > 0
                                ? TrainedBy(layout, topology.dp(), at.dp)
                                : TrainedBy(layout, 1, 0);
  const uint64_t copies = dtype == DType::kF32 ? 2 : 3;
  plan.optimizer = copies * 4 * static_cast<uint64_t>(updates.state_size);
  PlanSnapshots(config, topology, &plan);

  const int64_t rows = int64_t{train.micro_batch()} * train.sequence_length();
  const Range blocks = StageBlocks(model, topology.pp(), at.pp);
  const bool head = blocks.end == model.layers() + 2;
  const int64_t layers =
      blocks.size() - (blocks.begin == 0 ? 1 : 0) - (head ? 1 : 0);
  const int64_t stream = 4 * int64_t{model.hidden()};
  const int64_t layer =
      LayerBytesPerRow(model, topology.tp(), at.tp, SizeOf(dtype));
  const int64_t kept = train.recompute() ? 0 : layers * layer;
  const int64_t in_flight =
      MaxInFlight(TrainingScheduleOf(config, topology, at));
  // Per micro-batch in flight, and once: scratch of about two layers.
  plan.activations = static_cast<uint64_t>(
      rows * (in_flight * ((layers + 2) * stream + kept) + 2 * layer));
  if (head) {
    plan.logits =
        LogitBytes(config, topology, at, dtype == DType::kF32 ? 4 : 6);
  }
  return plan;
}

}  // namespace perdure
