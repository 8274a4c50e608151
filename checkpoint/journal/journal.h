#ifndef PERDURE_CHECKPOINT_JOURNAL_JOURNAL_H_
#define PERDURE_CHECKPOINT_JOURNAL_JOURNAL_H_

// What the logs of a run directory say together. Format: docs/journal.md.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/journal/generation_log.h"
#include "checkpoint/journal/lineage.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/status.h"
#include "runtime/state/step_log.h"

namespace perdure {

class Journal {
 public:
  // The state of the logs at this moment: what is written to them later does
  // not show. A directory without logs is an empty journal; a log whose header
  // is not whole counts for nothing but its number.
  static absl::StatusOr<Journal> Open(absl::string_view run_dir);

  const std::string& run_dir() const { return run_dir_; }
  bool empty() const { return lineage_.empty(); }
  const Lineage& lineage() const { return lineage_; }
  // Of the newest generation; there is one.
  const JournalHeader& head() const { return head_; }
  // Of all logs, torn ones too; 0 where there are none.
  int64_t highest_generation() const { return highest_generation_; }
  // Where the newest generation's log ended.
  const JournalPosition& end() const { return end_; }

  absl::StatusOr<JournalHeader> HeaderOf(int64_t generation) const;
  // The run's steps after `after`. Damage is no error: it makes a line in
  // `warnings`, and the steps that cannot be read are missing.
  absl::StatusOr<StepLog> Steps(int64_t after,
                                std::vector<std::string>* warnings) const;
  // The last step that is not suspect (JournalEvent.SUSPECT) by the word of the
  // newest generation; the largest number where none is.
  absl::StatusOr<int64_t> TrustedStep() const;
  // Makes `header` that of a generation which goes on behind `step`.
  absl::Status SetFork(int64_t step, JournalHeader* header) const;

 private:
  explicit Journal(absl::string_view run_dir) : run_dir_(run_dir) {}
  // The log of a link as far as it counts. DataLoss if it is not that log.
  absl::StatusOr<std::string> ReadLink(const LineageLink& link) const;

  std::string run_dir_;
  Lineage lineage_;
  JournalHeader head_;
  int64_t highest_generation_ = 0;
  JournalPosition end_;
  uint64_t torn_bytes_ = 0;  // behind end_
};

// Begins a generation that goes on behind `step` of `seen`, with a number above
// `above` (the highest known from elsewhere: snapshots) and above all logs'.
// AlreadyExists if the journal has grown since it was seen: another launch of
// the run is alive. Whether that is noticed before or after the new log was
// made, no step that the other has told gets lost. `mirror`: as GenerationLog.
absl::StatusOr<std::unique_ptr<GenerationLog>> BeginGeneration(
    Storage& storage, const Journal& seen, int64_t above, int64_t step,
    JournalHeader header, LogMirror* mirror = nullptr);

// OpenNewestSnapshot, of those that are the run's.
absl::StatusOr<std::unique_ptr<Snapshot>> OpenNewestOfRun(
    absl::string_view run_dir, std::vector<std::string>* warnings);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_JOURNAL_H_
