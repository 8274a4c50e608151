#include "launcher/train/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "launcher/train/console.h"
#include "parallel/engine/ownership.h"
#include "parallel/model/param_store.h"
#include "parallel/pipeline/schedule.h"
#include "runtime/base/text.h"
#include "runtime/config/config.h"
#include "runtime/nn/param_layout.h"

namespace perdure {
namespace {

constexpr int kRanksShown = 16;

int64_t MicroBatches(const TrainConfig& train) {
  return (train.global_batch() + train.micro_batch() - 1) / train.micro_batch();
}

Schedule ScheduleOf(const RunConfig& config, const Topology& topology,
                    const RankCoordinates& at) {
  const int share = static_cast<int>(
      EvenPart(MicroBatches(config.train()), topology.dp(), at.dp).size());
  return config.train().pipeline_schedule() == TrainConfig::GPIPE
             ? GPipeSchedule(topology.pp(), at.pp, share)
             : OneForwardOneBackwardSchedule(topology.pp(), at.pp, share);
}

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

std::string DescribeModel(const RunConfig& config, int64_t parameters) {
  const ModelConfig& model = config.model();
  return absl::StrFormat(
      "%s, %s parameters: %d layers, %d wide, %d heads%s, vocabulary %d, %s",
      model.family(), HumanCount(static_cast<double>(parameters)),
      model.layers(), model.hidden(), model.heads(),
      model.kv_heads() == model.heads()
          ? ""
          : absl::StrCat(" on ", model.kv_heads(), " key-value heads"),
      model.vocab_size(),
      config.train().dtype() == TrainConfig::BF16 ? "bf16 with fp32 masters"
                                                  : "fp32");
}

std::string DescribeBatch(const RunConfig& config, const Topology& topology) {
  const TrainConfig& train = config.train();
  std::vector<std::string> shares;
  const int64_t total = MicroBatches(train);
  for (int d = 0; d < topology.dp(); ++d) {
    shares.push_back(absl::StrCat(EvenPart(total, topology.dp(), d).size()));
  }
  const bool even = train.global_batch() % train.micro_batch() == 0;
  return absl::StrCat(
      train.global_batch(), " sequences x ", train.sequence_length(),
      " tokens = ", int64_t{train.global_batch()} * train.sequence_length(),
      " tokens a step; ", total, " micro-batches of ", train.micro_batch(),
      even ? "" : " (the last is smaller)",
      topology.dp() > 1
          ? absl::StrCat(", to replicas ", absl::StrJoin(shares, " + "))
          : "",
      topology.dp() > total
          ? absl::StrCat("; WARNING: ", topology.dp() - total,
                         " replicas have nothing to do, use a smaller "
                         "train.micro_batch or topology.dp")
          : "");
}

std::string DescribeSchedule(const OptimConfig& optim) {
  return absl::StrFormat(
      "AdamW, lr %g (warm-up %d steps, %s to %g at step %d), betas %g %g, "
      "weight decay %g, clip %g, ZeRO-%d",
      optim.lr(), optim.warmup_steps(),
      OptimConfig::Schedule_Name(optim.schedule()), optim.min_lr(),
      optim.decay_steps(), optim.beta1(), optim.beta2(), optim.weight_decay(),
      optim.clip_norm(), optim.zero());
}

std::string DescribeMemory(const MemoryPlan& plan) {
  return absl::StrCat(
      HumanBytes(plan.total()), " = weights ", HumanBytes(plan.weights),
      " + gradients ", HumanBytes(plan.gradients), " + optimizer ",
      HumanBytes(plan.optimizer), " + activations ",
      HumanBytes(plan.activations), " + logits ", HumanBytes(plan.logits));
}

void AddRanks(const RunConfig& config, const Topology& topology,
              TableRows* rows) {
  const int ranks = topology.ranks();
  for (int r = 0; r < std::min(ranks, kRanksShown); ++r) {
    const RankCoordinates at = topology.CoordinatesOf(r);
    const Range blocks = StageBlocks(config.model(), topology.pp(), at.pp);
    rows->emplace_back(
        absl::StrCat("rank ", r),
        absl::StrFormat("pp %d dp %d tp %d  blocks %d-%d  %s", at.pp, at.dp,
                        at.tp, blocks.begin, blocks.end - 1,
                        DescribeMemory(PlanMemory(config, topology, r))));
  }
  if (ranks > kRanksShown) {
    rows->emplace_back("...", absl::StrCat(ranks - kRanksShown, " more ranks"));
  }
}

}  // namespace

MemoryPlan PlanMemory(const RunConfig& config, const Topology& topology,
                      int rank) {
  const ModelConfig& model = config.model();
  const TrainConfig& train = config.train();
  const RankCoordinates at = topology.CoordinatesOf(rank);
  const DType dtype =
      train.dtype() == TrainConfig::BF16 ? DType::kBF16 : DType::kF32;
  const ParamLayout layout(model, topology, at);
  const ParamStore::Sizes sizes = ParamStore::SizesFor(layout, dtype);
  MemoryPlan plan;
  plan.weights = sizes.weights + sizes.vectors;
  plan.gradients = sizes.gradients;
  const Ownership updates = config.optim().zero() > 0
                                ? OwnedBy(layout, topology.dp(), at.dp)
                                : OwnedBy(layout, 1, 0);
  const uint64_t copies = dtype == DType::kF32 ? 2 : 3;
  plan.optimizer = copies * 4 * static_cast<uint64_t>(updates.state_size);

  const int64_t rows = int64_t{train.micro_batch()} * train.sequence_length();
  const Range blocks = StageBlocks(model, topology.pp(), at.pp);
  const bool head = blocks.end == model.layers() + 2;
  const int64_t layers =
      blocks.size() - (blocks.begin == 0 ? 1 : 0) - (head ? 1 : 0);
  const int64_t stream = 4 * int64_t{model.hidden()};
  const int64_t layer =
      LayerBytesPerRow(model, topology.tp(), at.tp, SizeOf(dtype));
  const int64_t kept = train.recompute() ? 0 : layers * layer;
  const int64_t in_flight = MaxInFlight(ScheduleOf(config, topology, at));
  // Per micro-batch in flight, and once: scratch of about two layers.
  plan.activations = static_cast<uint64_t>(
      rows * (in_flight * ((layers + 2) * stream + kept) + 2 * layer));
  if (head) {
    plan.logits = static_cast<uint64_t>(
        std::min<int64_t>(rows, 256) *
        EvenPart(model.vocab_size(), topology.tp(), at.tp).size() *
        (dtype == DType::kF32 ? 4 : 6));
  }
  return plan;
}

double FlopsPerToken(const RunConfig& config) {
  const ModelConfig& model = config.model();
  double products = 0;
  for (const ParamSpec& spec : ModelParams(model)) {
    const bool table = spec.role == ParamRole::kTokenEmbedding ||
                       spec.role == ParamRole::kPositionEmbedding;
    if (spec.is_matrix() && !table)
      products += static_cast<double>(spec.size());
  }
  const double attention = 12.0 * model.layers() * model.heads() *
                           model.head_dim() * config.train().sequence_length();
  return 6 * products + attention;
}

TableRows PlanRows(const RunConfig& config, const Topology& topology) {
  const int64_t parameters = CountParams(ModelParams(config.model()));
  TableRows rows;
  rows.emplace_back("model", DescribeModel(config, parameters));
  rows.emplace_back("topology",
                    absl::StrCat(topology.ToString(), " = ", topology.ranks(),
                                 topology.ranks() == 1 ? " rank" : " ranks"));
  rows.emplace_back("batch", DescribeBatch(config, topology));
  if (topology.pp() > 1) {
    for (int stage = 0; stage < std::min(topology.pp(), 8); ++stage) {
      std::string order =
          ScheduleToString(ScheduleOf(config, topology, {stage, 0, 0, 0, 0}));
      if (order.size() > 60) order = absl::StrCat(order.substr(0, 57), "...");
      rows.emplace_back(absl::StrCat("stage ", stage), order);
    }
  }
  rows.emplace_back("optimizer", DescribeSchedule(config.optim()));
  rows.emplace_back(
      "run",
      absl::StrCat(config.train().steps(), " steps, ",
                   HumanCount(static_cast<double>(config.train().steps()) *
                              config.train().global_batch() *
                              config.train().sequence_length()),
                   " tokens, seed ", config.train().seed()));
  AddRanks(config, topology, &rows);
  return rows;
}

absl::StatusOr<std::string> PlanText(const RunConfig& config, int ranks) {
  ASSIGN_OR_RETURN(const Topology topology,
                   Topology::Create(config.topology(), ranks));
  const std::vector<std::string> problems =
      CheckModelTopology(config.model(), topology);
  if (!problems.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
  }
  return absl::StrCat("# resolved configuration\n", ConfigToText(config),
                      "\n# plan\n", FormatTable(PlanRows(config, topology)));
}

}  // namespace perdure
