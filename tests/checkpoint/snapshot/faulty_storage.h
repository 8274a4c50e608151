#ifndef PERDURE_TESTS_CHECKPOINT_SNAPSHOT_FAULTY_STORAGE_H_
#define PERDURE_TESTS_CHECKPOINT_SNAPSHOT_FAULTY_STORAGE_H_

// A storage on real files that goes wrong at the n-th change, and that can lose
// what was never synced, as a machine without power does.

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/format/storage.h"
#include "runtime/base/file.h"

namespace perdure {

class FaultyStorage : public Storage {
 public:
  enum class Fault {
    kNone,
    kDiskFull,     // from the n-th call on, all but removal fails
    kShortWrite,   // as kDiskFull, but a write puts half of its bytes down
    kCrashBefore,  // from the n-th call on, nothing has any effect
    kCrashAfter,   // the same, but the n-th call itself takes effect
    kSyncFails,    // the n-th sync or rename fails after its effect
  };

  FaultyStorage() = default;
  FaultyStorage(Fault fault, int n) : fault_(fault), countdown_(n) {}

  absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<StorageFile>> Open(
      absl::string_view path) override;
  absl::Status CreateDirectories(absl::string_view path) override;
  absl::Status SyncDirectory(absl::string_view path) override;
  absl::Status Rename(absl::string_view from, absl::string_view to) override;
  absl::Status RemoveTree(absl::string_view path) override;
  absl::StatusOr<uint64_t> FreeBytes(absl::string_view path) override;

  void set_free_bytes(uint64_t bytes) { free_bytes_ = bytes; }
  // Whether the fault was met.
  bool tripped() const { return tripped_; }
  // Empties files with unsynced writes and removes files whose directory was
  // not synced since they were made.
  void LoseUnsynced();

 private:
  friend class FaultyFile;
  struct OpenFile {
    File file;
    // Written to through this handle since its last sync. Other ranks' syncs do
    // not count: they may be those of another machine.
    bool dirty = false;
    // Made longer since the last sync of the file by anybody.
    bool resized = false;
  };

  // Counts a call; its effect is to be made if `effect`, and its result is
  // `status`.
  struct Verdict {
    bool effect;
    absl::Status status;
  };
  enum class Call { kWrite, kSync, kOther, kRemove };
  Verdict Judge(Call call, absl::string_view what);
  void ForgetResizing(const std::string& path);

  std::mutex mutex_;
  const Fault fault_ = Fault::kNone;
  int countdown_ = 0;
  bool tripped_ = false;
  uint64_t free_bytes_ = uint64_t{1} << 40;
  std::vector<std::shared_ptr<OpenFile>> files_;  // shared with FaultyFile
  std::set<std::string> unsynced_entries_;
};

}  // namespace perdure

#endif  // PERDURE_TESTS_CHECKPOINT_SNAPSHOT_FAULTY_STORAGE_H_
