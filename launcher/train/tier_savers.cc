#include "launcher/train/tier_savers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

// One to go back to while the next is written.
constexpr int kKept = 2;

}  // namespace

std::vector<TierPlace> TierPlacesOf(const SnapshotConfig& config,
                                    const std::string& run_dir,
                                    const std::string& node) {
  std::vector<TierPlace> places;
  places.push_back({SnapshotTier::kMemory,
                    TierDirectory(config.memory_directory(), run_dir, node)});
  if (!config.local_directory().empty()) {
    places.push_back({SnapshotTier::kLocal,
                      TierDirectory(config.local_directory(), run_dir, node)});
  }
  return places;
}

TierSavers::TierSavers(Communicator* world, std::shared_ptr<Storage> storage,
                       const SnapshotConfig& config,
                       const std::vector<TierPlace>& places,
                       const SnapshotSaverOptions& options)
    : world_(world), storage_(std::move(storage)), options_(options) {
  for (const TierPlace& place : places) {
    const int32_t every = place.tier == SnapshotTier::kMemory
                              ? config.memory_every_steps()
                              : config.local_every_steps();
    if (every > 0) tiers_.push_back({place, every, nullptr});
  }
}

bool TierSavers::Due(int64_t step) const {
  return std::any_of(tiers_.begin(), tiers_.end(),
                     [&](const Tier& tier) { return IsDue(tier, step); });
}

absl::Status TierSavers::MakeSaver(Tier* tier) {
  if (tier->saver != nullptr) return absl::OkStatus();
  SnapshotSaverOptions options = options_;
  options.snapshot.run_dir = tier->place.directory;
  options.snapshot.keep_last = kKept;
  options.snapshot.keep_every = 0;
  options.snapshot.keep_best = 0;
  options.snapshot.pinned.clear();
  options.own_directories = true;
  options.neighbour_copies = tier->place.tier == SnapshotTier::kMemory;
  ASSIGN_OR_RETURN(tier->saver, SnapshotSaver::Create(*world_, storage_,
                                                      std::move(options)));
  return absl::OkStatus();
}

absl::Status TierSavers::Prepare(int64_t step) {
  for (Tier& tier : tiers_) {
    if (tier.saver == nullptr || !IsDue(tier, step)) continue;
    RETURN_IF_ERROR(tier.saver->Finish());
    TakeReports(&tier);
  }
  return absl::OkStatus();
}

absl::Status TierSavers::Save(const RunState& run, const StateMap& map,
                              SnapshotSaver::Giver give) {
  for (Tier& tier : tiers_) {
    if (!IsDue(tier, run.step)) continue;
    RETURN_IF_ERROR(MakeSaver(&tier));
    RETURN_IF_ERROR(tier.saver->Begin(run, map, give));
    TakeReports(&tier);
  }
  return absl::OkStatus();
}

absl::Status TierSavers::Poll() {
  for (Tier& tier : tiers_) {
    if (tier.saver == nullptr) continue;
    RETURN_IF_ERROR(tier.saver->Poll());
    TakeReports(&tier);
  }
  return absl::OkStatus();
}

absl::Status TierSavers::Finish() {
  for (Tier& tier : tiers_) {
    if (tier.saver == nullptr) continue;
    RETURN_IF_ERROR(tier.saver->Finish());
    TakeReports(&tier);
  }
  return absl::OkStatus();
}

// A tier that is written to at every step tells its first success, and of
// failures in a row the first.
void TierSavers::TakeReports(Tier* tier) {
  const char* name = TierName(tier->place.tier);
  for (const SaveReport& report : tier->saver->TakeReports()) {
    const bool was_failing = std::exchange(tier->failing, !report.status.ok());
    if (!report.status.ok()) {
      if (was_failing) continue;
      lines_.push_back(
          {report.status,
           absl::StrCat(name, " ", report.status.message(),
                        "; training goes on without it, and every ",
                        tier->every_steps, " steps it is tried again")});
    } else if (!std::exchange(tier->told, true) || was_failing) {
      lines_.push_back(
          {absl::OkStatus(),
           absl::StrFormat(
               "step %d  snapshot in the nodes' own %s: %s in %.2f s, "
               "training stood still for %.3f s; another one every %d "
               "steps",
               report.step,
               tier->place.tier == SnapshotTier::kMemory
                   ? "memory and their neighbours'"
                   : "directories",
               HumanBytes(report.bytes), report.seconds, report.stall_seconds,
               tier->every_steps)});
    }
  }
}

std::vector<TierSavers::Line> TierSavers::TakeLines() {
  return std::exchange(lines_, {});
}

}  // namespace perdure
