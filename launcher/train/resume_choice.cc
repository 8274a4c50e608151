#include "launcher/train/resume_choice.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/restart_attempts.h"

namespace perdure {
namespace {

bool IsZerothOrder(const Journal& journal) {
  return !journal.empty() &&
         journal.head().constants().method() ==
             TrainConfig::Method_Name(TrainConfig::ZEROTH_ORDER);
}

std::string NameOf(const TierSnapshot& snapshot) {
  return absl::StrCat(
      "snapshot of step ", snapshot.step, " in the nodes' own ",
      snapshot.tier == SnapshotTier::kMemory ? "memory" : "directories");
}

// Whether it is one of the run, and not too young; `run_id` may be "", where
// nothing tells.
bool IsOfRun(const TierSnapshot& snapshot, const ResumeSearch& search,
             const Journal& journal, const std::string& run_id) {
  return snapshot.step <= search.last_step &&
         (run_id.empty() || snapshot.run_id == run_id) &&
         journal.lineage().Allows(snapshot.generation, snapshot.step);
}

// The first of the nodes' snapshots that may be gone on from; -1: none.
int ChooseOfNodes(const std::string& run_dir, const ResumeSearch& search,
                  const Journal& journal, const std::string& run_id,
                  std::vector<std::string>* warnings) {
  if (search.nodes == nullptr) return -1;
  const std::vector<TierSnapshot>& all = search.nodes->listing().complete;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!IsOfRun(all[i], search, journal, run_id)) continue;
    const int attempts = RestartAttempts(run_dir, all[i].step);
    if (search.quarantine_after == 0 || attempts < search.quarantine_after) {
      return static_cast<int>(i);
    }
    warnings->push_back(absl::StrCat(
        NameOf(all[i]), " is skipped: in quarantine: ", attempts,
        " launches in a row started from it and did not finish a step; to try "
        "it again remove ",
        RestartAttemptsPath(run_dir, all[i].step)));
  }
  return -1;
}

// Of the newest one that could not be chosen because nodes are gone.
void WarnOfIncomplete(const ResumeSearch& search, const Journal& journal,
                      const std::string& run_id, int64_t chosen,
                      std::vector<std::string>* warnings) {
  if (search.nodes == nullptr) return;
  for (const TierSnapshot& snapshot : search.nodes->listing().incomplete) {
    if (snapshot.step <= chosen ||
        !IsOfRun(snapshot, search, journal, run_id)) {
      continue;
    }
    warnings->push_back(
        absl::StrCat(NameOf(snapshot),
                     " is skipped: a part of it is on no node of this launch"));
    return;
  }
}

absl::Status CheckOneRun(const std::string& run_dir, const Snapshot& snapshot,
                         const Journal& journal) {
  if (journal.empty() || snapshot.run().run_id == journal.head().run_id()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(run_dir, ": the journal is of run ", journal.head().run_id(),
                   ", ", snapshot.directory(), " of run ",
                   snapshot.run().run_id, "; put back what belongs together"));
}

}  // namespace

absl::StatusOr<ResumeChoice> ChooseSnapshot(
    const std::string& run_dir, const ResumeSearch& search,
    const Journal& journal, std::vector<std::string>* warnings) {
  const Lineage& lineage = journal.lineage();
  const auto counts = [&](int64_t generation, int64_t step) {
    return step <= search.last_step && lineage.Allows(generation, step);
  };
  const absl::StatusOr<std::unique_ptr<Snapshot>> shared = OpenNewestSnapshot(
      run_dir, warnings, {counts, search.below_step, search.quarantine_after});
  const std::string run_id = !journal.empty() ? journal.head().run_id()
                             : shared.ok()    ? (*shared)->run().run_id
                                              : "";
  ResumeChoice choice;
  if (shared.ok()) {
    RETURN_IF_ERROR(CheckOneRun(run_dir, **shared, journal));
    choice.step = (*shared)->run().step;
    choice.directory = (*shared)->directory();
  }
  const int of_nodes =
      ChooseOfNodes(run_dir, search, journal, run_id, warnings);
  if (of_nodes >= 0) {
    const int64_t step =
        search.nodes->listing().complete[static_cast<size_t>(of_nodes)].step;
    if (!shared.ok() || step >= choice.step) choice = {step, "", of_nodes};
  }
  WarnOfIncomplete(search, journal, run_id, choice.step, warnings);
  // A journal that can be replayed does without any snapshot.
  if (shared.ok() || choice.of_nodes >= 0 ||
      absl::IsNotFound(shared.status()) ||
      (IsZerothOrder(journal) && absl::IsDataLoss(shared.status()))) {
    return choice;
  }
  return shared.status();
}

}  // namespace perdure
