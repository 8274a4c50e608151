#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/config/problems.h"

namespace perdure {
namespace {

// Work that is dropped in the middle must be one rank's own.
void RequireWholeReplicas(const RunConfig& config, absl::string_view path,
                          Problems* problems) {
  const TopologyConfig& topology = config.topology();
  for (const auto& [axis, degree] :
       {std::pair("pp", topology.pp()), std::pair("tp", topology.tp())}) {
    if (degree <= 1) continue;
    problems->Add(path, absl::StrCat("needs a whole replica on each rank, but "
                                     "topology.",
                                     axis, " = ", degree, "; set topology.",
                                     axis, ": 1, or leave it out"));
  }
}

void CheckBackupProbes(const RunConfig& config, Problems* problems) {
  if (!config.resilience().backup_probes()) return;
  constexpr char kPath[] = "resilience.backup_probes";
  if (config.train().method() != TrainConfig::ZEROTH_ORDER) {
    problems->Add(kPath,
                  "true is for zeroth-order training, whose probes any rank "
                  "can compute; leave it out, or use "
                  "resilience.gradient_coding");
  }
  RequireWholeReplicas(config, kPath, problems);
}

void CheckGradientCoding(const RunConfig& config, Problems* problems) {
  const int32_t spare = config.resilience().gradient_coding();
  constexpr char kPath[] = "resilience.gradient_coding";
  problems->RequireAtLeast(kPath, spare, 0);
  if (spare <= 0) return;
  if (config.train().method() != TrainConfig::FIRST_ORDER) {
    problems->Add(kPath, absl::StrCat(spare,
                                      " is for first-order training; use "
                                      "resilience.backup_probes"));
  }
  if (config.optim().zero() != 0) {
    problems->Add(kPath,
                  absl::StrCat(spare, " needs the whole optimizer state on ",
                               "every replica, but optim.zero = ",
                               config.optim().zero(), "; set optim.zero: 0"));
  }
  if (config.resilience().rebalance()) {
    problems->Add("resilience.rebalance",
                  "true and resilience.gradient_coding are two answers to the "
                  "same question; give one of them");
  }
  RequireWholeReplicas(config, kPath, problems);
}

}  // namespace

void ValidateStragglers(const RunConfig& config, Problems* problems) {
  const ResilienceConfig& resilience = config.resilience();
  problems->RequireAtLeast("resilience.straggler_window",
                           resilience.straggler_window(), 0);
  problems->RequireNotNegative("resilience.straggler_seconds",
                               resilience.straggler_seconds());
  problems->RequireFraction("resilience.straggler_ratio",
                            resilience.straggler_ratio());
  problems->RequireAtLeast("resilience.straggler_windows",
                           resilience.straggler_windows(), 1);
  problems->RequireFraction("resilience.rebalance_gain",
                            resilience.rebalance_gain());
  problems->RequireAtLeast("resilience.backup_pieces",
                           resilience.backup_pieces(), 1);
  CheckBackupProbes(config, problems);
  CheckGradientCoding(config, problems);
}

}  // namespace perdure
