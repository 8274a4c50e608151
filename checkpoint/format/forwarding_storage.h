#ifndef PERDURE_CHECKPOINT_FORMAT_FORWARDING_STORAGE_H_
#define PERDURE_CHECKPOINT_FORMAT_FORWARDING_STORAGE_H_

// A storage and a file that hand every call on to another one. What watches or
// disturbs a storage derives from them and overrides what it is about.

#include <memory>
#include <utility>

#include "checkpoint/format/storage.h"

namespace perdure {

class ForwardingFile : public StorageFile {
 public:
  explicit ForwardingFile(std::unique_ptr<StorageFile> base)
      : base_(std::move(base)) {}

  absl::Status Allocate(uint64_t size) override {
    return base_->Allocate(size);
  }
  absl::Status WriteAt(uint64_t offset, const void* data,
                       size_t size) override {
    return base_->WriteAt(offset, data, size);
  }
  absl::Status Sync() override { return base_->Sync(); }
  absl::Status Close() override { return base_->Close(); }

 private:
  const std::unique_ptr<StorageFile> base_;
};

class ForwardingStorage : public Storage {
 public:
  // `base` must outlive it.
  explicit ForwardingStorage(Storage& base) : base_(base) {}

  absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) override {
    return base_.Create(path);
  }
  absl::StatusOr<std::unique_ptr<StorageFile>> Open(
      absl::string_view path) override {
    return base_.Open(path);
  }
  absl::Status CreateDirectories(absl::string_view path) override {
    return base_.CreateDirectories(path);
  }
  absl::Status SyncDirectory(absl::string_view path) override {
    return base_.SyncDirectory(path);
  }
  absl::Status Rename(absl::string_view from, absl::string_view to) override {
    return base_.Rename(from, to);
  }
  absl::Status RemoveTree(absl::string_view path) override {
    return base_.RemoveTree(path);
  }
  absl::StatusOr<uint64_t> FreeBytes(absl::string_view path) override {
    return base_.FreeBytes(path);
  }

 private:
  Storage& base_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_FORWARDING_STORAGE_H_
