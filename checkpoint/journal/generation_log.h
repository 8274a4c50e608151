#ifndef PERDURE_CHECKPOINT_JOURNAL_GENERATION_LOG_H_
#define PERDURE_CHECKPOINT_JOURNAL_GENERATION_LOG_H_

// The log that a generation writes. One process writes it (rank 0), from one
// thread; nobody ever appends to a log that exists.

#include <cstdint>
#include <memory>
#include <string>

#include "checkpoint/format/storage.h"
#include "checkpoint/journal/journal.pb.h"
#include "checkpoint/journal/log_mirror.h"
#include "checkpoint/journal/scan.h"
#include "runtime/base/status.h"
#include "runtime/state/step_record.h"

namespace perdure {

class GenerationLog {
 public:
  // Creates the log of the lowest generation above `above` that has none, with
  // its header (generation and version are set here), durably. Creating the
  // file is what assigns the number: of two processes one gets it. With a
  // mirror (not owned) all below holds of both copies.
  static absl::StatusOr<std::unique_ptr<GenerationLog>> Create(
      Storage& storage, absl::string_view run_dir, int64_t above,
      JournalHeader header, LogMirror* mirror = nullptr);

  int64_t generation() const { return generation_; }
  const std::string& path() const { return path_; }
  // Every n-th step is durable when AppendStep returns; default 1.
  void SyncEvery(int steps) { sync_every_ = steps; }

  // On return the step is in the file (and durable, see SyncEvery), and no
  // newer generation had begun when it was: now it may be told. Otherwise it
  // does not count: Aborted (disk full, write error) names file and remedy,
  // AlreadyExists a newer generation. After an error all calls fail.
  absl::Status AppendStep(const StepRecord& record);
  // Durable.
  absl::Status AppendEvent(JournalEvent::Kind kind, int64_t step,
                           absl::string_view text);
  absl::Status Sync();

  // AlreadyExists if a newer generation has begun: this process is to end.
  absl::Status CheckNewest() const;

 private:
  GenerationLog(Storage& storage, absl::string_view run_dir)
      : storage_(storage), run_dir_(run_dir) {}
  absl::Status Append(const JournalRecord& record, bool durable);
  // `bytes` to the end of all copies.
  absl::Status Write(absl::string_view bytes, bool durable);

  Storage& storage_;
  const std::string run_dir_;
  int64_t generation_ = 0;
  std::string path_;
  std::unique_ptr<StorageFile> file_;
  LogMirror* mirror_ = nullptr;
  uint64_t key_ = 0;  // of frames behind the header
  uint64_t end_ = 0;
  int sync_every_ = 1;
  int unsynced_ = 0;     // steps
  absl::Status failed_;  // the first error
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_GENERATION_LOG_H_
