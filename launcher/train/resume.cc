#include "launcher/train/resume.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/train/session.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

constexpr const char* kMayDiffer[] = {
    "topology",        "snapshot",        "eval",
    "trace",           "train.steps",     "train.threads_per_rank",
    "train.log_every", "train.recompute", "train.pipeline_schedule",
    "optim.zero",      "model.init_from"};

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

absl::StatusOr<std::unique_ptr<Snapshot>> OpenForResume(
    Communicator& world, const std::string& run_dir) {
  ASSIGN_OR_RETURN(const std::string directory,
                   OnRankZero(world, [&]() -> absl::StatusOr<std::string> {
                     ASSIGN_OR_RETURN(const std::vector<std::string> snapshots,
                                      ListSnapshots(run_dir));
                     if (snapshots.empty()) return std::string();
                     std::vector<std::string> warnings;
                     const auto newest = OpenNewestSnapshot(run_dir, &warnings);
                     for (const std::string& warning : warnings) {
                       std::fprintf(stderr, "perdure: warning: %s\n",
                                    warning.c_str());
                     }
                     if (!newest.ok()) return newest.status();
                     return (*newest)->directory();
                   }));
  if (directory.empty()) return std::unique_ptr<Snapshot>();
  return Snapshot::Open(directory);
}

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

absl::Status CheckResumable(const RunState& saved, const RunConfig& now,
                            bool decay_follows_steps) {
  ASSIGN_OR_RETURN(const RunConfig before,
                   ParseConfig(saved.config_text, "the snapshot's config"));
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
