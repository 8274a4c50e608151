#include "tests/checkpoint/snapshot/faulty_storage.h"

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

std::string Parent(absl::string_view path) {
  return std::string(path.substr(0, path.rfind('/')));
}

}  // namespace

class FaultyFile : public StorageFile {
 public:
  using OpenFile = FaultyStorage::OpenFile;
  using Call = FaultyStorage::Call;

  FaultyFile(FaultyStorage& storage, std::shared_ptr<OpenFile> file)
      : storage_(storage), file_(std::move(file)) {}

  absl::Status Allocate(uint64_t size) override {
    const std::lock_guard lock(storage_.mutex_);
    const auto verdict = storage_.Judge(Call::kOther, file_->file.path());
    if (!verdict.effect) return verdict.status;
    file_->resized = true;
    RETURN_IF_ERROR(file_->file.Truncate(size));
    return verdict.status;
  }

  absl::Status WriteAt(uint64_t offset, const void* data,
                       size_t size) override {
    const std::lock_guard lock(storage_.mutex_);
    const auto verdict = storage_.Judge(Call::kWrite, file_->file.path());
    const bool half =
        !verdict.effect && storage_.fault_ == FaultyStorage::Fault::kShortWrite;
    if (!verdict.effect && !half) return verdict.status;
    file_->dirty = true;
    RETURN_IF_ERROR(file_->file.WriteAt(offset, data, half ? size / 2 : size));
    return verdict.status;
  }

  absl::Status Sync() override {
    const std::lock_guard lock(storage_.mutex_);
    const auto verdict = storage_.Judge(Call::kSync, file_->file.path());
    if (verdict.status.ok()) {
      file_->dirty = false;
      storage_.ForgetResizing(file_->file.path());
    }
    return verdict.status;
  }

  absl::Status Close() override { return absl::OkStatus(); }

 private:
  FaultyStorage& storage_;
  std::shared_ptr<OpenFile> file_;
};

FaultyStorage::Verdict FaultyStorage::Judge(Call call, absl::string_view what) {
  if (fault_ == Fault::kNone) return {true, absl::OkStatus()};
  if (fault_ == Fault::kSyncFails) {
    if (call != Call::kSync || --countdown_ != 0) {
      return {true, absl::OkStatus()};
    }
    tripped_ = true;
    return {true, ErrnoStatus("sync", what, EIO)};
  }
  const bool crash =
      fault_ == Fault::kCrashBefore || fault_ == Fault::kCrashAfter;
  const bool now = --countdown_ == 0;
  if (countdown_ > 0 || (call == Call::kRemove && !crash)) {
    if (now) countdown_ = 1;  // a full disk does not hinder removal
    return {true, absl::OkStatus()};
  }
  tripped_ = true;
  if (crash) {
    return {now && fault_ == Fault::kCrashAfter,
            absl::UnavailableError("the machine is down")};
  }
  return {false, ErrnoStatus("write", what, ENOSPC)};
}

absl::StatusOr<std::unique_ptr<StorageFile>> FaultyStorage::Create(
    absl::string_view path) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = Judge(Call::kOther, path);
  if (!verdict.effect) return verdict.status;
  ASSIGN_OR_RETURN(File file, File::Open(path, File::Mode::kCreateNew));
  unsynced_entries_.insert(std::string(path));
  files_.push_back(std::make_shared<OpenFile>(OpenFile{std::move(file)}));
  RETURN_IF_ERROR(verdict.status);
  return std::make_unique<FaultyFile>(*this, files_.back());
}

absl::StatusOr<std::unique_ptr<StorageFile>> FaultyStorage::Open(
    absl::string_view path) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = Judge(Call::kOther, path);
  RETURN_IF_ERROR(verdict.status);
  ASSIGN_OR_RETURN(File file, File::Open(path, File::Mode::kReadWrite));
  files_.push_back(std::make_shared<OpenFile>(OpenFile{std::move(file)}));
  return std::make_unique<FaultyFile>(*this, files_.back());
}

absl::Status FaultyStorage::CreateDirectories(absl::string_view path) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = Judge(Call::kOther, path);
  if (verdict.effect) RETURN_IF_ERROR(perdure::CreateDirectories(path));
  return verdict.status;
}

absl::Status FaultyStorage::SyncDirectory(absl::string_view path) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = Judge(Call::kSync, path);
  if (verdict.status.ok()) {
    std::erase_if(unsynced_entries_, [&](const std::string& entry) {
      return Parent(entry) == path;
    });
  }
  return verdict.status;
}

absl::Status FaultyStorage::Rename(absl::string_view from,
                                   absl::string_view to) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = Judge(Call::kSync, from);
  if (!verdict.effect) return verdict.status;
  RETURN_IF_ERROR(RenameDurably(from, to));
  std::set<std::string> moved;
  for (const std::string& entry : unsynced_entries_) {
    const bool inside = absl::StartsWith(entry, absl::StrCat(from, "/"));
    if (entry == from || Parent(entry) == Parent(to)) continue;  // now synced
    moved.insert(inside ? absl::StrCat(to, entry.substr(from.size())) : entry);
  }
  unsynced_entries_ = std::move(moved);
  return verdict.status;
}

absl::Status FaultyStorage::RemoveTree(absl::string_view path) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = Judge(Call::kRemove, path);
  if (verdict.effect) RETURN_IF_ERROR(perdure::RemoveTree(path));
  return verdict.status;
}

absl::StatusOr<uint64_t> FaultyStorage::FreeBytes(absl::string_view) {
  return free_bytes_;
}

void FaultyStorage::ForgetResizing(const std::string& path) {
  for (const auto& file : files_) {
    if (file->file.path() == path) file->resized = false;
  }
}

void FaultyStorage::LoseUnsynced() {
  for (const auto& file : files_) {
    if (!file->dirty && !file->resized) continue;
    EXPECT_TRUE(file->file.Truncate(0).ok());
  }
  for (const std::string& entry : unsynced_entries_) {
    EXPECT_TRUE(perdure::RemoveTree(entry).ok());
  }
}

}  // namespace perdure
