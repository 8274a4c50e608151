#ifndef PERDURE_CHECKPOINT_FORMAT_STORAGE_H_
#define PERDURE_CHECKPOINT_FORMAT_STORAGE_H_

// Everything that a snapshot changes on disk goes through this interface, so
// that tests can put a full disk, a lost write or a crash at any point. Reading
// does not: what is read is checked against checksums.

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// Of memory and of file systems.
inline constexpr uint64_t kPageBytes = 4096;

class StorageFile {
 public:
  virtual ~StorageFile() = default;  // closes; errors of that close are lost
  // Makes the file `size` bytes long with its blocks reserved: a full disk
  // shows here (Aborted) and not half way through.
  virtual absl::Status Allocate(uint64_t size) = 0;
  // All of `size` bytes. Several ranks and threads may write to one file; their
  // ranges do not overlap. Of a long write whose address and offset agree
  // modulo kPageBytes, whole pages may go around the page cache.
  virtual absl::Status WriteAt(uint64_t offset, const void* data,
                               size_t size) = 0;
  // What was written so far survives a crash of the machine.
  virtual absl::Status Sync() = 0;
  virtual absl::Status Close() = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;
  // A new file; an existing one is an error.
  virtual absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) = 0;
  // A file that exists, for writing into it.
  virtual absl::StatusOr<std::unique_ptr<StorageFile>> Open(
      absl::string_view path) = 0;
  virtual absl::Status CreateDirectories(absl::string_view path) = 0;
  virtual absl::Status SyncDirectory(absl::string_view path) = 0;
  // Atomic, and durable on return. Onto a directory that is not empty: an
  // error.
  virtual absl::Status Rename(absl::string_view from, absl::string_view to) = 0;
  virtual absl::Status RemoveTree(absl::string_view path) = 0;
  virtual absl::StatusOr<uint64_t> FreeBytes(absl::string_view path) = 0;
};

std::unique_ptr<Storage> MakePosixStorage();

// Creates `path` with `content` and syncs it (not its directory).
absl::Status WriteNewFile(Storage& storage, absl::string_view path,
                          absl::string_view content);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_STORAGE_H_
