#ifndef PERDURE_LAUNCHER_TRAIN_RUN_JOURNAL_H_
#define PERDURE_LAUNCHER_TRAIN_RUN_JOURNAL_H_

// The journal of a training run: what there is to go on from, the generation
// that this launch of the ranks is, and its finished steps. Rank 0 reads and
// writes, and where there are two copies a rank of another node writes too. All
// ranks make the calls, and hear of failures, together, but for those marked
// otherwise.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/journal/copies.h"
#include "checkpoint/journal/journal.h"
#include "checkpoint/snapshot/snapshot.h"
#include "checkpoint/tiers/node_snapshots.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// Where a run goes on: at a snapshot, or at its initial weights, and the steps
// to be replayed from there.
struct ResumePoint {
  std::unique_ptr<Snapshot> snapshot;  // nullptr: the initial weights
  std::optional<TierSnapshot>
      of_nodes;                         // what `snapshot` is, if the nodes' own
  std::optional<JournalHeader> header;  // of the newest generation, if any
  std::vector<StepRecord> steps;        // consecutive; zeroth-order
  // Of the steps before those that are to come, oldest first.
  std::vector<double> losses;
  // Of the data behind ResumeSearch.last_step, if the journal has that step.
  std::optional<int64_t> cursor;

  // Whether there is a run to go on with at all.
  bool exists() const { return snapshot != nullptr || header.has_value(); }
  // The run before these steps: the snapshot's, or a new one's.
  RunState run() const;
  // What it was configured to be when it was last started.
  const std::string& config_text() const;
};

// Which snapshots may be gone on from.
struct ResumeSearch {
  int64_t below_step = INT64_MAX;  // those from here on have failed
  int quarantine_after = 0;        // as SnapshotSearch has it
  int64_t last_step = INT64_MAX;   // nothing that came after it
  int losses = 0;                  // so many of ResumePoint.losses, at most
  // Those that the nodes have for themselves; those that cannot be opened are
  // dropped. nullptr: none.
  NodeSnapshots* nodes = nullptr;
};

class RunJournal {
 public:
  // Nothing is owned. Makes no file yet. Ranks with the same host are on one
  // node.
  RunJournal(Communicator* world, std::string run_dir, std::string host,
             std::shared_ptr<Storage> storage);

  // Finds out on how many nodes the journal is to be, see JournalConfig.copies.
  // Comes first; once is enough. Makes the run directory.
  absl::Status FindCopies(int copies);
  const JournalCopies& copies() const { return *copies_; }
  // Makes other nodes' run directories ready, see JournalCopies::OnOtherNodes.
  absl::Status OnOtherNodes(const std::function<absl::Status()>& fn) {
    return copies_->OnOtherNodes(fn);
  }

  // The newest snapshot of the run and the steps after it; of snapshots of one
  // step the one that is faster to read.
  // Of two copies both are first made whole. Warnings go to standard error.
  // DataLoss where nothing can be used.
  absl::StatusOr<ResumePoint> FindResumePoint(const ResumeSearch& search = {});

  // Makes *run that of a new generation, which begins behind run->step.
  // `snapshot`: the name of the one it starts from; `initial_digest`: of the
  // run's initial weights; `text`: how it began, for people.
  struct Start {
    std::string snapshot;
    int64_t snapshot_step = 0;
    uint64_t initial_digest = 0;
    std::string isa;
    std::string host;
    std::string text;
    std::vector<JournalRollback> rollbacks;  // of the run so far
  };
  absl::Status Begin(const RunConfig& config, const Start& start,
                     RunState* run);

  // On return the step is finished: it may be told. A step that was done before
  // must give the same loss: if not, a line for people comes back. Here and
  // below failures are rank 0's to hear.
  absl::StatusOr<std::string> Finish(const StepRecord& record);
  absl::Status Note(JournalEvent::Kind kind, int64_t step,
                    absl::string_view text);
  absl::Status Sync();

  // For SnapshotWriteOptions.
  SnapshotFilter counts() const;
  std::function<absl::Status()> may_commit() const;

 private:
  absl::StatusOr<std::string> ReadOnRankZero(const ResumeSearch& search);
  absl::StatusOr<std::string> ReadSlice(const ResumeSearch& search,
                                        Journal journal,
                                        std::vector<std::string>* warnings);
  absl::StatusOr<std::string> BeginOnRankZero(const RunConfig& config,
                                              const Start& start,
                                              const RunState& run);
  absl::StatusOr<std::string> FinishOnRankZero(const StepRecord& record);
  // Rank 0 writes; who keeps a copy writes what it says.
  absl::StatusOr<std::string> Write(
      const std::function<absl::StatusOr<std::string>()>& on_rank_zero);
  std::string CompareWithBefore(const StepRecord& record);

  Communicator* world_;
  const std::string run_dir_;
  const std::string host_;
  const std::shared_ptr<Storage> storage_;  // snapshots are written to it too
  std::unique_ptr<JournalCopies> copies_;
  // On rank 0.
  std::unique_ptr<Journal> seen_;
  std::unique_ptr<GenerationLog> log_;
  Lineage lineage_;  // this generation's
  StepLog before_;   // steps that a launch before did and this one does again
  bool same_bits_ = false;  // on the same ranks: its losses must be equal
  int differences_ = 0;
};

// Collective. StateDigest of all that the ranks' pieces cover.
absl::StatusOr<uint64_t> DigestOfRanks(Communicator& world,
                                       const std::vector<StatePiece>& pieces);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_RUN_JOURNAL_H_
