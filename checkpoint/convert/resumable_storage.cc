#include "checkpoint/convert/resumable_storage.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "runtime/base/file.h"

namespace perdure {

// Tells the storage what is written where, and leaves out what is there.
class ResumableStorage::WatchedFile : public ForwardingFile {
 public:
  WatchedFile(ResumableStorage* owner, std::string name,
              std::unique_ptr<StorageFile> file)
      : ForwardingFile(std::move(file)),
        owner_(owner),
        name_(std::move(name)) {}

  absl::Status WriteAt(uint64_t offset, const void* data,
                       size_t size) override {
    if (owner_->Skips(name_, offset, size)) return absl::OkStatus();
    RETURN_IF_ERROR(ForwardingFile::WriteAt(offset, data, size));
    owner_->Saw(name_, offset, size);
    return absl::OkStatus();
  }

 private:
  ResumableStorage* const owner_;
  const std::string name_;
};

absl::StatusOr<std::unique_ptr<ResumableStorage>> ResumableStorage::Start(
    Storage& storage, const NewDirectory& target,
    absl::string_view fingerprint) {
  RETURN_IF_ERROR(storage.CreateDirectories(target.parent));
  const std::string directory = JoinPath(target.parent, target.temporary);
  ASSIGN_OR_RETURN(
      DoneList list,
      DoneList::Open(absl::StrCat(directory, ".done"), fingerprint));
  std::unique_ptr<ResumableStorage> resumable(
      new ResumableStorage(storage, directory, std::move(list)));
  resumable->Adopt();
  RETURN_IF_ERROR(resumable->RemoveOthers());
  return resumable;
}

bool ResumableStorage::IsWhole(const DoneTensor& done) {
  std::vector<char> block(kBlockBytes);
  ChecksumChain chain;
  for (uint64_t at = 0; at < done.bytes; at += kBlockBytes) {
    const size_t size = std::min(kBlockBytes, done.bytes - at);
    if (!ReadBack(done, at, block.data(), size).ok()) return false;
    chain.Add(block.data(), size);
  }
  return chain.value() == done.checksum;
}

void ResumableStorage::Adopt() {
  for (const auto& [tensor, done] : list_.found()) {
    const bool plain = done.file.find('/') == std::string::npos;
    if (plain && IsWhole(done)) adopted_.emplace(tensor, done);
  }
}

// A stale file could be longer than the one that is to be written.
absl::Status ResumableStorage::RemoveOthers() {
  if (!FileExists(directory_)) return absl::OkStatus();
  if (adopted_.empty()) return ForwardingStorage::RemoveTree(directory_);
  std::set<std::string> used;
  for (const auto& [tensor, done] : adopted_) used.insert(done.file);
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(directory_));
  for (const std::string& name : names) {
    if (used.contains(name)) continue;
    RETURN_IF_ERROR(ForwardingStorage::RemoveTree(JoinPath(directory_, name)));
  }
  return absl::OkStatus();
}

uint64_t ResumableStorage::adopted_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [tensor, done] : adopted_) bytes += done.bytes;
  return bytes;
}

const DoneTensor* ResumableStorage::Begin(const std::string& tensor) {
  tensor_ = tensor;
  written_ = {};
  const auto found = adopted_.find(tensor);
  return found == adopted_.end() ? nullptr : &found->second;
}

absl::Status ResumableStorage::End(uint64_t bytes, uint64_t checksum) {
  const std::string tensor = std::exchange(tensor_, "");
  // A writer that has not written it yet, or not in one run, is no error: the
  // tensor is just not on the list.
  if (adopted_.contains(tensor) || written_.bytes != bytes) {
    return absl::OkStatus();
  }
  written_.checksum = checksum;
  ++added_;
  return list_.Add(tensor, written_);
}

bool ResumableStorage::Skips(const std::string& file, uint64_t offset,
                             size_t size) const {
  const auto found = adopted_.find(tensor_);
  if (found == adopted_.end()) return false;
  const DoneTensor& done = found->second;
  return done.file == file && offset >= done.offset &&
         offset + size <= done.offset + done.bytes;
}

void ResumableStorage::Saw(const std::string& file, uint64_t offset,
                           size_t size) {
  if (tensor_.empty()) return;
  if (written_.bytes == 0) {
    written_.file = file;
    written_.offset = offset;
  } else if (written_.file != file ||
             written_.offset + written_.bytes != offset) {
    return;
  }
  written_.bytes += size;
}

absl::Status ResumableStorage::ReadBack(const DoneTensor& done, uint64_t offset,
                                        void* data, size_t size) {
  auto found = files_.find(done.file);
  if (found == files_.end()) {
    ASSIGN_OR_RETURN(File file, File::Open(JoinPath(directory_, done.file),
                                           File::Mode::kRead));
    found = files_.emplace(done.file, std::move(file)).first;
  }
  return found->second.ReadAt(done.offset + offset, data, size);
}

absl::Status ResumableStorage::Finish() {
  files_.clear();
  return ForwardingStorage::RemoveTree(list_.path());
}

absl::StatusOr<std::unique_ptr<StorageFile>> ResumableStorage::Create(
    absl::string_view path) {
  if (FileExists(path)) return Open(path);
  ASSIGN_OR_RETURN(auto file, ForwardingStorage::Create(path));
  return std::unique_ptr<StorageFile>(new WatchedFile(
      this, std::string(path.substr(path.rfind('/') + 1)), std::move(file)));
}

absl::StatusOr<std::unique_ptr<StorageFile>> ResumableStorage::Open(
    absl::string_view path) {
  ASSIGN_OR_RETURN(auto file, ForwardingStorage::Open(path));
  return std::unique_ptr<StorageFile>(new WatchedFile(
      this, std::string(path.substr(path.rfind('/') + 1)), std::move(file)));
}

absl::Status ResumableStorage::RemoveTree(absl::string_view path) {
  if (path == directory_ && (!adopted_.empty() || added_ > 0)) {
    return absl::OkStatus();
  }
  return ForwardingStorage::RemoveTree(path);
}

absl::StatusOr<uint64_t> ResumableStorage::FreeBytes(absl::string_view path) {
  ASSIGN_OR_RETURN(uint64_t bytes, ForwardingStorage::FreeBytes(path));
  const auto names = ListDirectory(directory_);
  if (!names.ok()) return bytes;
  for (const std::string& name : *names) {
    const auto file = File::Open(JoinPath(directory_, name), File::Mode::kRead);
    if (!file.ok()) continue;
    bytes += file->Size().value_or(0);
  }
  return bytes;
}

}  // namespace perdure
