#include "checkpoint/format/storage.h"

#include <utility>

#include "runtime/base/file.h"

namespace perdure {
namespace {

class PosixFile : public StorageFile {
 public:
  explicit PosixFile(File file) : file_(std::move(file)) {}
  absl::Status Allocate(uint64_t size) override { return file_.Allocate(size); }
  absl::Status WriteAt(uint64_t offset, const void* data,
                       size_t size) override {
    return file_.WriteAt(offset, data, size);
  }
  absl::Status Sync() override { return file_.SyncData(); }
  absl::Status Close() override { return file_.Close(); }

 private:
  File file_;
};

absl::StatusOr<std::unique_ptr<StorageFile>> OpenAs(absl::string_view path,
                                                    File::Mode mode) {
  ASSIGN_OR_RETURN(File file, File::Open(path, mode));
  return std::make_unique<PosixFile>(std::move(file));
}

class PosixStorage : public Storage {
 public:
  absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) override {
    return OpenAs(path, File::Mode::kCreateNew);
  }
  absl::StatusOr<std::unique_ptr<StorageFile>> Open(
      absl::string_view path) override {
    return OpenAs(path, File::Mode::kReadWrite);
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
