#include "launcher/train/resume.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

constexpr const char* kMayDiffer[] = {"topology",
                                      "snapshot",
                                      "journal",
                                      "resilience",
                                      "eval",
                                      "trace",
                                      "train.steps",
                                      "train.threads_per_rank",
                                      "train.log_every",
                                      "train.recompute",
                                      "train.pipeline_schedule",
                                      "optim.zero",
                                      "model.init_from"};

bool MayDiffer(const std::string& difference) {
  for (const char* path : kMayDiffer) {
    if (absl::StartsWith(difference, absl::StrCat(path, ":")) ||
        absl::StartsWith(difference, absl::StrCat(path, "."))) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> ForbiddenDifferences(const RunConfig& saved,
                                              const RunConfig& now,
                                              bool decay_follows_steps) {
  std::vector<std::string> forbidden;
  for (const std::string& difference : DiffConfigs(saved, now)) {
    const bool decay = absl::StartsWith(difference, "optim.decay_steps") ||
                       absl::StartsWith(difference, "optim.wsd_decay_steps");
    if (MayDiffer(difference) || (decay && decay_follows_steps)) continue;
    forbidden.push_back(difference);
  }
  return forbidden;
}

absl::Status CheckResumable(const std::string& saved, const RunConfig& now,
                            bool decay_follows_steps) {
  ASSIGN_OR_RETURN(const RunConfig before,
                   ParseConfig(saved, "the run's config as it was saved"));
  const std::vector<std::string> differences =
      ForbiddenDifferences(before, now, decay_follows_steps);
  if (differences.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--resume: the config differs from the run's in what would make it "
      "another run (saved -> now):\n  ",
      absl::StrJoin(differences, "\n  "),
      "\nput these back, or start a new run with model.init_from"));
}

}  // namespace perdure
