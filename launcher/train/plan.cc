#include "launcher/train/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "launcher/train/console.h"
#include "parallel/engine/gradient_passes.h"
#include "parallel/engine/shares.h"
#include "parallel/pipeline/schedule.h"
#include "parallel/zeroth_order/probes.h"
#include "runtime/base/text.h"
#include "runtime/config/config.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

constexpr int kRanksShown = 16;

const char* DescribePrecision(const RunConfig& config) {
  if (config.train().dtype() != TrainConfig::BF16) return "fp32";
  const bool masters =
      config.train().method() == TrainConfig::FIRST_ORDER ||
      config.zeroth_order().rounding() == ZerothOrderConfig::MASTERS;
  return masters ? "bf16 with fp32 masters" : "bf16";
}

std::string DescribeModel(const RunConfig& config,
                          const std::vector<ParamSpec>& specs) {
  const ModelConfig& model = config.model();
  const double parameters = static_cast<double>(CountParams(specs));
  const double trained = static_cast<double>(CountTrainable(specs));
  return absl::StrFormat(
      "%s, %s parameters%s: %d layers, %d wide, %d heads%s, vocabulary %d, %s",
      model.family(), HumanCount(parameters),
      trained == parameters
          ? ""
          : absl::StrFormat(" (%s, %.3g %%, trained)", HumanCount(trained),
                            100 * trained / parameters),
      model.layers(), model.hidden(), model.heads(),
      model.kv_heads() == model.heads()
          ? ""
          : absl::StrCat(" on ", model.kv_heads(), " key-value heads"),
      model.vocab_size(), DescribePrecision(config));
}

std::string DescribeAdapters(const ModelConfig& model) {
  if (model.has_lora()) {
    return absl::StrFormat("LoRA of rank %d, alpha %g, on %s",
                           model.lora().rank(), model.lora().alpha(),
                           absl::StrJoin(model.lora().targets(), ", "));
  }
  if (!model.has_prefix()) return "";
  return absl::StrFormat(
      "prefix of %d tokens in each layer, from %s", model.prefix().tokens(),
      model.prefix().init() == PrefixConfig::RANDOM ? "noise" : "activations");
}

std::string DescribeBatch(const RunConfig& config, const Topology& topology) {
  const TrainConfig& train = config.train();
  std::vector<std::string> shares;
  const int64_t total = MicroBatches(train);
  const int parts = GradientGroups(config, topology.dp());
  for (int64_t count : EvenShares(total, parts)) {
    shares.push_back(absl::StrCat(count));
  }
  const bool even = train.global_batch() % train.micro_batch() == 0;
  return absl::StrCat(
      train.global_batch(), " sequences x ", train.sequence_length(),
      " tokens = ", int64_t{train.global_batch()} * train.sequence_length(),
      " tokens a step; ", total, " micro-batches of ", train.micro_batch(),
      even ? "" : " (the last is smaller)",
      parts > 1 ? absl::StrCat(", to ",
                               parts == topology.dp() ? "replicas " : "groups ",
                               absl::StrJoin(shares, " + "))
                : "",
      topology.dp() > total
          ? absl::StrCat("; WARNING: ", topology.dp() - total,
                         " replicas have nothing to do, use a smaller "
                         "train.micro_batch or topology.dp")
          : "");
}

std::string DescribeZerothOrder(const RunConfig& config) {
  const ZerothOrderConfig& zeroth = config.zeroth_order();
  const OptimConfig& optim = config.optim();
  const size_t probes = ProbesOf(zeroth).size();
  return absl::StrFormat(
      "zeroth-order, %d %s direction%s, %s: %d forward passes a batch; eps %s, "
      "lr %g (warm-up %d steps, %s), weight decay %g%s%s",
      zeroth.directions(),
      zeroth.noise() == ZerothOrderConfig::GAUSSIAN ? "Gaussian" : "Rademacher",
      zeroth.directions() == 1 ? "" : "s",
      zeroth.estimator() == ZerothOrderConfig::CENTRAL ? "central differences"
                                                       : "one-sided",
      probes,
      zeroth.eps_is_lr() ? std::string("= lr")
                         : absl::StrFormat("%g", zeroth.eps()),
      optim.lr(), optim.warmup_steps(),
      OptimConfig::Schedule_Name(optim.schedule()), optim.weight_decay(),
      zeroth.divide_by_spread() ? ", divided by the losses' spread" : "",
      config.train().dtype() == TrainConfig::BF16
          ? absl::StrCat(", ",
                         ZerothOrderConfig::Rounding_Name(zeroth.rounding()))
          : "");
}

std::string DescribeOptimizer(const RunConfig& config) {
  const OptimConfig& optim = config.optim();
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    return DescribeZerothOrder(config);
  }
  return absl::StrFormat(
      "AdamW, lr %g (warm-up %d steps, %s to %g at step %d), betas %g %g, "
      "weight decay %g, clip %g, ZeRO-%d",
      optim.lr(), optim.warmup_steps(),
      OptimConfig::Schedule_Name(optim.schedule()), optim.min_lr(),
      optim.decay_steps(), optim.beta1(), optim.beta2(), optim.weight_decay(),
      optim.clip_norm(), optim.zero());
}

// How a slow rank is not waited for, and what that costs.
std::string DescribeBackups(const RunConfig& config, const Topology& topology) {
  const ResilienceConfig& resilience = config.resilience();
  if (resilience.backup_probes()) {
    return absl::StrFormat(
        "probes of a slow rank are computed by others, in up to %d pieces a "
        "direction",
        resilience.backup_pieces());
  }
  if (resilience.gradient_coding() == 0) return "";
  const int groups = GradientGroups(config, topology.dp());
  return absl::StrFormat(
      "gradient coding: %d group%s of %s replicas compute alike and the first "
      "counts; %.3g x the computation of a run without",
      groups, groups == 1 ? "" : "s",
      topology.dp() % groups == 0 ? absl::StrCat(topology.dp() / groups)
                                  : absl::StrCat(topology.dp() / groups, " or ",
                                                 topology.dp() / groups + 1),
      static_cast<double>(topology.dp()) / groups);
}

std::string DescribeMemory(const MemoryPlan& plan) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, uint64_t bytes) {
    if (bytes > 0) parts.push_back(absl::StrCat(name, " ", HumanBytes(bytes)));
  };
  add("weights", plan.weights);
  add("gradients", plan.gradients);
  add("optimizer", plan.optimizer);
  add("perturbed weights", plan.perturbed);
  add("activations", plan.activations);
  add("logits", plan.logits);
  add("snapshot pool", plan.snapshot_pool);
  add("snapshots in memory", plan.memory_tier);
  return absl::StrCat(HumanBytes(plan.total()), " = ",
                      absl::StrJoin(parts, " + "));
}

void AddRanks(const RunConfig& config, const Topology& topology,
              TableRows* rows) {
  const int ranks = topology.ranks();
  for (int r = 0; r < std::min(ranks, kRanksShown); ++r) {
    const RankCoordinates at = topology.CoordinatesOf(r);
    const Range blocks = StageBlocks(config.model(), topology.pp(), at.pp);
    rows->emplace_back(
        absl::StrCat("rank ", r),
        absl::StrFormat(
            "pp %d dp %d%s tp %d  blocks %d-%d  %s", at.pp, at.dp,
            topology.pertp() > 1 ? absl::StrCat(" pertp ", at.pertp) : "",
            at.tp, blocks.begin, blocks.end - 1,
            DescribeMemory(PlanMemory(config, topology, r))));
  }
  if (ranks > kRanksShown) {
    rows->emplace_back("...", absl::StrCat(ranks - kRanksShown, " more ranks"));
  }
}

}  // namespace

double FlopsPerToken(const RunConfig& config) {
  const ModelConfig& model = config.model();
  // Of matrices that are multiplied; of a frozen one no gradient is made.
  double products = 0, trained = 0;
  for (const ParamSpec& spec : ModelParams(model)) {
    const bool looked_up = spec.role == ParamRole::kTokenEmbedding ||
                           spec.role == ParamRole::kPositionEmbedding ||
                           spec.role == ParamRole::kPrefixK ||
                           spec.role == ParamRole::kPrefixV;
    if (!spec.is_matrix() || looked_up) continue;
    products += static_cast<double>(spec.size());
    if (spec.trainable) trained += static_cast<double>(spec.size());
  }
  const double attention = 12.0 * model.layers() * model.heads() *
                           model.head_dim() * config.train().sequence_length();
  if (config.train().method() != TrainConfig::ZEROTH_ORDER) {
    return 4 * products + 2 * trained + attention;
  }
  return (2 * products + attention / 3) *
         static_cast<double>(ProbesOf(config.zeroth_order()).size());
}

TableRows PlanRows(const RunConfig& config, const Topology& topology) {
  TableRows rows;
  rows.emplace_back("model",
                    DescribeModel(config, ModelParams(config.model())));
  const std::string adapters = DescribeAdapters(config.model());
  if (!adapters.empty()) rows.emplace_back("adapters", adapters);
  rows.emplace_back("topology",
                    absl::StrCat(topology.ToString(), " = ", topology.ranks(),
                                 topology.ranks() == 1 ? " rank" : " ranks"));
  rows.emplace_back("batch", DescribeBatch(config, topology));
  if (topology.pp() > 1) {
    for (int stage = 0; stage < std::min(topology.pp(), 8); ++stage) {
      std::string order = ScheduleToString(
          TrainingScheduleOf(config, topology, {stage, 0, 0, 0, 0}));
      if (order.size() > 60) order = absl::StrCat(order.substr(0, 57), "...");
      rows.emplace_back(absl::StrCat("stage ", stage), order);
    }
  }
  rows.emplace_back("optimizer", DescribeOptimizer(config));
  const std::string backups = DescribeBackups(config, topology);
  if (!backups.empty()) rows.emplace_back("backups", backups);
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
