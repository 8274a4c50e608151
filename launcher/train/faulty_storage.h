#ifndef PERDURE_LAUNCHER_TRAIN_FAULTY_STORAGE_H_
#define PERDURE_LAUNCHER_TRAIN_FAULTY_STORAGE_H_

// The disk of a rank, until a fault is ordered.

#include <atomic>
#include <memory>

#include "checkpoint/format/forwarding_storage.h"

namespace perdure {

enum class StorageFault {
  kNone,
  kTorn,  // half of the next write reaches the disk, then the process is killed
  kFull,  // no write succeeds any more: no space left
};

class FaultyStorage : public ForwardingStorage {
 public:
  explicit FaultyStorage(std::unique_ptr<Storage> base);

  // From now on, in files that are open too. Any thread.
  void Arm(StorageFault fault) { *armed_ = fault; }

  absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<StorageFile>> Open(
      absl::string_view path) override;
  absl::StatusOr<uint64_t> FreeBytes(absl::string_view path) override;

 private:
  const std::unique_ptr<Storage> base_;
  // Shared with the files, which may outlive the storage.
  std::shared_ptr<std::atomic<StorageFault>> armed_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_FAULTY_STORAGE_H_
