#include "launcher/train/step_time.h"

#include <algorithm>
#include <cmath>

#include "launcher/train/machine_speed.h"
#include "launcher/train/memory_plan.h"
#include "parallel/engine/gradient_passes.h"
#include "parallel/zeroth_order/probes.h"
#include "runtime/nn/param_layout.h"

namespace perdure {
namespace {

// Passes over a stage, in forward passes: a backward pass is two.
constexpr double kForwardAndBackward = 3;

// What a rank of one stage has to do for one token, and what it holds.
struct StageLoad {
  double flops = 0;     // of a forward pass
  double elements = 0;  // of trained parameters
  double gradients = 0;
  int layers = 0;
};

bool IsLookedUp(ParamRole role) {
  return role == ParamRole::kTokenEmbedding ||
         role == ParamRole::kPositionEmbedding || role == ParamRole::kPrefixK ||
         role == ParamRole::kPrefixV;
}

StageLoad LoadOf(const RunConfig& config, const Topology& topology, int stage) {
  const ModelConfig& model = config.model();
  const ParamLayout layout(model, topology, {stage, 0, 0, 0, 0});
  const Range blocks = StageBlocks(model, topology.pp(), stage);
  const bool has_head = blocks.end == model.layers() + 2;
  StageLoad load;
  for (const ParamSlot& slot : layout.slots()) {
    if (slot.spec.trainable) load.elements += static_cast<double>(slot.size);
    // A tied head multiplies by the table that the embedding looks up in.
    const bool tied_head = has_head && model.tie_embeddings() &&
                           slot.spec.role == ParamRole::kTokenEmbedding;
    if (slot.spec.is_matrix() && (!IsLookedUp(slot.spec.role) || tied_head)) {
      load.flops += 2 * static_cast<double>(slot.size);
    }
  }
  load.gradients = static_cast<double>(layout.gradient_size());
  load.layers = static_cast<int>(blocks.size()) - (blocks.begin == 0 ? 1 : 0) -
                (has_head ? 1 : 0);
  const int64_t groups = EvenPart(model.kv_heads(), topology.tp(), 0).size();
  const int64_t heads = groups * (model.heads() / model.kv_heads());
  load.flops += 4.0 * load.layers * static_cast<double>(heads) *
                model.head_dim() * config.train().sequence_length();
  return load;
}

// The messages of a group of `size` ranks, `stride` apart in the world.
class Group {
 public:
  Group(const MachineSpeed& speed, int ranks_per_node, int size, int stride)
      : size_(size) {
    const bool inside = (size - 1) * stride < ranks_per_node;
    latency_ = inside ? speed.node_latency() : speed.link_latency();
    bandwidth_ = inside ? speed.node_bandwidth() : speed.link_bandwidth();
    // The ranks of a node share its link.
    if (!inside) bandwidth_ /= std::min(ranks_per_node, stride);
  }

  double Message(double bytes) const {
    return size_ > 1 ? latency_ + bytes / bandwidth_ : 0;
  }
  // Parts are collected, then spread: each in log n turns, and all but a
  // rank's own part of the bytes.
  double AllReduce(double bytes) const {
    const double others = size_ - 1;
    return 2 * (std::ceil(std::log2(size_)) * latency_ +
                others * bytes / size_ / bandwidth_);
  }

 private:
  int size_;
  double latency_ = 0, bandwidth_ = 1;
};

struct Groups {
  Group tp, dp, pp, world;
};

Groups GroupsOf(const MachineSpeed& speed, const Topology& t, int per_node) {
  const int inner = t.pertp() * t.tp();
  return {Group(speed, per_node, t.tp(), 1),
          Group(speed, per_node, t.dp(), inner),
          Group(speed, per_node, t.pp(), inner * t.dp()),
          Group(speed, per_node, t.ranks(), 1)};
}

// Passes of the slowest rank through a stage, the filling of the pipeline
// included: micro-batches, and for zeroth-order runs each probe of one.
double Passes(const RunConfig& config, const Topology& topology) {
  const double micro_batches =
      static_cast<double>(EvenPart(MicroBatches(config.train()),
                                   GradientGroups(config, topology.dp()), 0)
                              .size());
  double passes = micro_batches;
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    const auto probes =
        static_cast<int64_t>(ProbesOf(config.zeroth_order()).size());
    passes *= static_cast<double>(EvenPart(probes, topology.pertp(), 0).size());
  }
  return passes + topology.pp() - 1;
}

// Of a rank on average, without waiting.
double BusyPasses(const RunConfig& config, const Topology& topology) {
  double all = static_cast<double>(MicroBatches(config.train()));
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    all *= static_cast<double>(ProbesOf(config.zeroth_order()).size());
  }
  return all / (topology.dp() * topology.pertp());
}

// Every direction is made once for the probes of a rank and once for the
// update.
double NoiseElements(const RunConfig& config, const Topology& topology,
                     double elements) {
  const ZerothOrderConfig& zeroth = config.zeroth_order();
  const std::vector<Probe> probes = ProbesOf(zeroth);
  const Range share =
      EvenPart(static_cast<int64_t>(probes.size()), topology.pertp(), 0);
  const size_t groups = GroupProbes(probes, share).size();
  return elements *
         static_cast<double>(groups + static_cast<size_t>(zeroth.directions()));
}

// Losses of all probes, or gradients and their norm.
double ReduceSeconds(const RunConfig& config, const Topology& topology,
                     const Groups& groups, double gradients) {
  const double numbers = groups.world.AllReduce(sizeof(double));
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) return numbers;
  if (topology.dp() == 1) return numbers;
  return 2 * numbers + groups.dp.AllReduce(gradients * sizeof(float));
}

}  // namespace

StepTime ModelStepTime(const RunConfig& config, const Topology& topology,
                       int ranks_per_node, const MachineSpeed& speed) {
  const TrainConfig& train = config.train();
  const bool zeroth = train.method() == TrainConfig::ZEROTH_ORDER;
  const double share =
      ShareOfSpeed(speed, std::min(ranks_per_node, topology.ranks()),
                   train.threads_per_rank());
  const double rows = double{1} * train.micro_batch() * train.sequence_length();
  const double row_bytes = double{4} * config.model().hidden() * rows;
  const Groups groups = GroupsOf(speed, topology, ranks_per_node);
  const double passes = Passes(config, topology);
  const double work = zeroth              ? 1
                      : train.recompute() ? kForwardAndBackward + 1
                                          : kForwardAndBackward;
  const double pass_seconds = work * rows / speed.flops();
  double together = 0;  // of all stages
  for (int stage = 0; stage < topology.pp(); ++stage) {
    together += LoadOf(config, topology, stage).flops;
  }
  StepTime slowest;
  for (int stage = 0; stage < topology.pp(); ++stage) {
    const StageLoad load = LoadOf(config, topology, stage);
    StepTime time;
    // Where cores are shared, who waits leaves them to the others: what counts
    // is all the work of a node, not the slowest rank's.
    time.compute = std::max(passes * pass_seconds * load.flops,
                            BusyPasses(config, topology) * pass_seconds *
                                together / topology.pp() / share);
    // Two sums over tp in every layer's pass, forward and backward.
    time.links = passes * (zeroth ? 1 : 2) *
                 (load.layers * 2 * groups.tp.AllReduce(row_bytes) +
                  groups.pp.Message(row_bytes));
    if (zeroth) {
      time.memory = NoiseElements(config, topology, load.elements) /
                    speed.noise_rate() / share;
    } else {
      // AdamW reads and writes weights, gradients and two moments.
      const int owners = config.optim().zero() > 0 ? topology.dp() : 1;
      time.memory = 7 * sizeof(float) * load.elements / owners /
                    speed.copy_bandwidth() / share;
    }
    time.links += ReduceSeconds(config, topology, groups, load.gradients);
    if (time.total() > slowest.total()) slowest = time;
  }
  return slowest;
}

}  // namespace perdure
