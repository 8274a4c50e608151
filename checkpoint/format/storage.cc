#include "checkpoint/format/storage.h"

#include <atomic>
#include <utility>

#include "runtime/base/file.h"

namespace perdure {
namespace {

// Shorter writes are as well off in the page cache.
constexpr uint64_t kDirectBytes = 64 * kPageBytes;

class PosixFile : public StorageFile {
 public:
  explicit PosixFile(File file) : file_(std::move(file)) {}
  // `direct`: the same file opened with O_DIRECT.
  PosixFile(File file, File direct)
      : file_(std::move(file)),
        direct_(std::move(direct)),
        may_be_direct_(true) {}

  absl::Status Allocate(uint64_t size) override { return file_.Allocate(size); }

  absl::Status WriteAt(uint64_t offset, const void* data,
                       size_t size) override {
    const char* bytes = static_cast<const char*>(data);
    const uint64_t head = (kPageBytes - offset % kPageBytes) % kPageBytes;
    const bool agree =
        (reinterpret_cast<uint64_t>(data) - offset) % kPageBytes == 0;
    if (!may_be_direct_ || !agree || size < head + kDirectBytes) {
      return file_.WriteAt(offset, bytes, size);
    }
    const uint64_t body = (size - head) / kPageBytes * kPageBytes;
    const absl::Status written =
        direct_.WriteAt(offset + head, bytes + head, body);
    if (absl::IsFailedPrecondition(written)) {
      // Opened, but not able to (EINVAL): some network file systems.
      may_be_direct_ = false;
      return file_.WriteAt(offset, bytes, size);
    }
    RETURN_IF_ERROR(written);
    // Pages that are shared with others' bytes.
    if (head > 0) RETURN_IF_ERROR(file_.WriteAt(offset, bytes, head));
    if (size == head + body) return absl::OkStatus();
    return file_.WriteAt(offset + head + body, bytes + head + body,
                         size - head - body);
  }

  absl::Status Sync() override { return file_.SyncData(); }
  absl::Status Close() override {
    RETURN_IF_ERROR(direct_.Close());
    return file_.Close();
  }

 private:
  File file_;
  File direct_;
  std::atomic<bool> may_be_direct_ = false;
};

class PosixStorage : public Storage {
 public:
  absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) override {
    ASSIGN_OR_RETURN(File file, File::Open(path, File::Mode::kCreateNew));
    return std::make_unique<PosixFile>(std::move(file));
  }
  absl::StatusOr<std::unique_ptr<StorageFile>> Open(
      absl::string_view path) override {
    ASSIGN_OR_RETURN(File file, File::Open(path, File::Mode::kReadWrite));
    absl::StatusOr<File> direct = File::Open(path, File::Mode::kDirectWrite);
    if (!direct.ok()) return std::make_unique<PosixFile>(std::move(file));
    return std::make_unique<PosixFile>(std::move(file), *std::move(direct));
  }
  absl::Status CreateDirectories(absl::string_view path) override {
    return perdure::CreateDirectories(path);
  }
  absl::Status SyncDirectory(absl::string_view path) override {
    return perdure::SyncDirectory(path);
  }
  absl::Status Rename(absl::string_view from, absl::string_view to) override {
    return RenameDurably(from, to);
  }
  absl::Status RemoveTree(absl::string_view path) override {
    return perdure::RemoveTree(path);
  }
  absl::StatusOr<uint64_t> FreeBytes(absl::string_view path) override {
    return perdure::FreeBytes(path);
  }
};

}  // namespace

std::unique_ptr<Storage> MakePosixStorage() {
  return std::make_unique<PosixStorage>();
}

absl::Status WriteNewFile(Storage& storage, absl::string_view path,
                          absl::string_view content) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file,
                   storage.Create(path));
  RETURN_IF_ERROR(file->WriteAt(0, content.data(), content.size()));
  RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

}  // namespace perdure
