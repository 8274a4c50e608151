#include "launcher/train/faulty_storage.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace perdure {
namespace {

using Armed = std::shared_ptr<std::atomic<StorageFault>>;

class FaultyFile : public StorageFile {
 public:
  FaultyFile(std::unique_ptr<StorageFile> base, absl::string_view path,
             Armed armed)
      : base_(std::move(base)), path_(path), armed_(std::move(armed)) {}

  absl::Status Allocate(uint64_t size) override {
    if (*armed_ == StorageFault::kFull) return NoSpace();
    return base_->Allocate(size);
  }
  absl::Status WriteAt(uint64_t offset, const void* data,
                       size_t size) override {
    switch (armed_->load()) {
      case StorageFault::kNone:
        break;
      case StorageFault::kFull:
        return NoSpace();
      case StorageFault::kTorn:
        // Whatever comes of it: the process has no time to care.
        (void)base_->WriteAt(offset, data, size / 2);
        (void)base_->Sync();
        kill(getpid(), SIGKILL);
        break;
    }
    return base_->WriteAt(offset, data, size);
  }
  absl::Status Sync() override { return base_->Sync(); }
  absl::Status Close() override { return base_->Close(); }

 private:
  absl::Status NoSpace() const { return ErrnoStatus("write", path_, ENOSPC); }

  std::unique_ptr<StorageFile> base_;
  const std::string path_;
  Armed armed_;
};

}  // namespace

FaultyStorage::FaultyStorage(std::unique_ptr<Storage> base)
    : base_(std::move(base)),
      armed_(std::make_shared<std::atomic<StorageFault>>(StorageFault::kNone)) {
}

absl::StatusOr<std::unique_ptr<StorageFile>> FaultyStorage::Create(
    absl::string_view path) {
  ASSIGN_OR_RETURN(std::unique_ptr<StorageFile> file, base_->Create(path));
  return std::make_unique<FaultyFile>(std::move(file), path, armed_);
}

absl::StatusOr<std::unique_ptr<StorageFile>> FaultyStorage::Open(
    absl::string_view path) {
  ASSIGN_OR_RETURN(std::unique_ptr<StorageFile> file, base_->Open(path));
  return std::make_unique<FaultyFile>(std::move(file), path, armed_);
}

absl::Status FaultyStorage::CreateDirectories(absl::string_view path) {
  return base_->CreateDirectories(path);
}

absl::Status FaultyStorage::SyncDirectory(absl::string_view path) {
  return base_->SyncDirectory(path);
}

absl::Status FaultyStorage::Rename(absl::string_view from,
                                   absl::string_view to) {
  return base_->Rename(from, to);
}

absl::Status FaultyStorage::RemoveTree(absl::string_view path) {
  return base_->RemoveTree(path);
}

absl::StatusOr<uint64_t> FaultyStorage::FreeBytes(absl::string_view path) {
  if (*armed_ == StorageFault::kFull) return uint64_t{0};
  return base_->FreeBytes(path);
}

}  // namespace perdure
