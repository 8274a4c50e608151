#include "launcher/train/faulty_storage.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace perdure {
namespace {

using Armed = std::shared_ptr<std::atomic<StorageFault>>;

class FaultyFile : public ForwardingFile {
 public:
  FaultyFile(std::unique_ptr<StorageFile> base, absl::string_view path,
             Armed armed)
      : ForwardingFile(std::move(base)),
        path_(path),
        armed_(std::move(armed)) {}

  absl::Status Allocate(uint64_t size) override {
    if (*armed_ == StorageFault::kFull) return NoSpace();
    return ForwardingFile::Allocate(size);
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
        (void)ForwardingFile::WriteAt(offset, data, size / 2);
        (void)Sync();
        kill(getpid(), SIGKILL);
        break;
    }
    return ForwardingFile::WriteAt(offset, data, size);
  }

 private:
  absl::Status NoSpace() const { return ErrnoStatus("write", path_, ENOSPC); }

  const std::string path_;
  Armed armed_;
};

}  // namespace

FaultyStorage::FaultyStorage(std::unique_ptr<Storage> base)
    : ForwardingStorage(*base),
      base_(std::move(base)),
      armed_(std::make_shared<std::atomic<StorageFault>>(StorageFault::kNone)) {
}

absl::StatusOr<std::unique_ptr<StorageFile>> FaultyStorage::Create(
    absl::string_view path) {
  ASSIGN_OR_RETURN(auto file, ForwardingStorage::Create(path));
  return std::make_unique<FaultyFile>(std::move(file), path, armed_);
}

absl::StatusOr<std::unique_ptr<StorageFile>> FaultyStorage::Open(
    absl::string_view path) {
  ASSIGN_OR_RETURN(auto file, ForwardingStorage::Open(path));
  return std::make_unique<FaultyFile>(std::move(file), path, armed_);
}

absl::StatusOr<uint64_t> FaultyStorage::FreeBytes(absl::string_view path) {
  if (*armed_ == StorageFault::kFull) return uint64_t{0};
  return ForwardingStorage::FreeBytes(path);
}

}  // namespace perdure
