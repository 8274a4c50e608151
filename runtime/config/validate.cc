#include "absl/strings/str_cat.h"
#include "runtime/config/config.h"
#include "runtime/config/problems.h"

namespace perdure {
namespace {

using DataFiles = google::protobuf::RepeatedPtrField<DataFile>;

void CheckFiles(absl::string_view list, const DataFiles& files,
                Problems* problems) {
  int weighted = 0;
  for (const DataFile& file : files) weighted += file.has_weight() ? 1 : 0;
  for (int i = 0; i < files.size(); ++i) {
    const std::string path = absl::StrCat("data.", list, "[", i, "]");
    if (files[i].path().empty()) {
      problems->Add(absl::StrCat(path, ".path"),
                    "is missing; name a token file");
    }
    if (files[i].has_weight()) {
      problems->RequirePositive(absl::StrCat(path, ".weight"),
                                files[i].weight());
    } else if (weighted > 0) {
      // Tokens and shares have no common unit.
      problems->Add(absl::StrCat(path, ".weight"),
                    "is missing while other files have one; give it to all of "
                    "them or to none");
    }
  }
}

}  // namespace

void ValidateData(const RunConfig& config, bool for_training,
                  Problems* problems) {
  const DataConfig& data = config.data();
  if (for_training && data.train().empty() && !config.has_task()) {
    problems->Add("data.train",
                  "is missing; name at least one token file: data { train { "
                  "path: \"...\" } }");
  }
  CheckFiles("train", data.train(), problems);
  CheckFiles("val", data.val(), problems);
  problems->RequireFraction("data.val_fraction", data.val_fraction());
  problems->RequireNotEmpty("data.tokenizer", data.has_tokenizer(),
                            data.tokenizer());
  if (!data.val().empty() && data.val_fraction() > 0) {
    problems->Add("data.val_fraction",
                  absl::StrCat(data.val_fraction(),
                               ", but data.val names files of their own; give "
                               "one of the two"));
  }
}

void ValidateOptim(const RunConfig& config, Problems* problems) {
  const OptimConfig& optim = config.optim();
  problems->RequirePositive("optim.lr", optim.lr());
  problems->RequireNotNegative("optim.min_lr", optim.min_lr());
  if (optim.has_min_lr() && optim.min_lr() > optim.lr()) {
    problems->Add(
        "optim.min_lr",
        absl::StrCat(optim.min_lr(), " exceeds optim.lr = ", optim.lr(),
                     "; the rate falls to it: make it "
                     "smaller"));
  }
  problems->RequireAtLeast("optim.warmup_steps", optim.warmup_steps(), 0);
  if (optim.has_decay_steps()) {
    problems->RequireAtLeast("optim.decay_steps", optim.decay_steps(), 1);
    // A short trial of a long config (train.steps alone lowered) is fine: its
    // decay_steps, once resolved, are its steps.
    if (optim.decay_steps() >= 1 &&
        optim.decay_steps() != config.train().steps() &&
        optim.decay_steps() <= optim.warmup_steps()) {
      problems->Add("optim.decay_steps",
                    absl::StrCat(optim.decay_steps(),
                                 " is not after optim.warmup_steps = ",
                                 optim.warmup_steps(),
                                 "; they count from the first step, warm-up "
                                 "included"));
    }
  }
  if (optim.has_wsd_decay_steps()) {
    problems->RequireAtLeast("optim.wsd_decay_steps", optim.wsd_decay_steps(),
                             1);
  }
  problems->RequireFraction("optim.beta1", optim.beta1());
  problems->RequireFraction("optim.beta2", optim.beta2());
  problems->RequirePositive("optim.eps", optim.eps());
  problems->RequireNotNegative("optim.weight_decay", optim.weight_decay());
  problems->RequireNotNegative("optim.clip_norm", optim.clip_norm());
  problems->RequireWithin("optim.zero", optim.zero(), 0, 1);
}

void ValidateTopology(const RunConfig& config, Problems* problems) {
  const TopologyConfig& topology = config.topology();
  constexpr int kMostRanks = 1 << 15;
  if (topology.has_dp()) {
    problems->RequireWithin("topology.dp", topology.dp(), 1, kMostRanks);
  }
  problems->RequireWithin("topology.tp", topology.tp(), 1, kMostRanks);
  problems->RequireWithin("topology.pp", topology.pp(), 1, kMostRanks);
  problems->RequireWithin("topology.pertp", topology.pertp(), 1, kMostRanks);
  if (topology.pertp() > 1 &&
      config.train().method() != TrainConfig::ZEROTH_ORDER) {
    problems->Add("topology.pertp",
                  absl::StrCat(topology.pertp(),
                               " splits the probes of the zeroth-order engine; "
                               "first-order training has none: use "
                               "topology.dp"));
  }
  if (topology.has_ranks()) {
    problems->RequireWithin("topology.ranks", topology.ranks(), 1, kMostRanks);
  }
  problems->RequirePositive("topology.timeout_seconds",
                            topology.timeout_seconds());
}

std::vector<std::string> ValidateConfig(const RunConfig& config,
                                        bool for_training) {
  Problems problems;
  ValidateModel(config.model(), for_training, &problems);
  ValidateData(config, for_training, &problems);
  ValidateTask(config, for_training, &problems);
  ValidateTrain(config, for_training, &problems);
  ValidateOptim(config, &problems);
  ValidateTopology(config, &problems);
  ValidateZerothOrder(config, &problems);
  ValidateResilience(config, &problems);
  ValidateStragglers(config, &problems);
  return problems.Take();
}

}  // namespace perdure
