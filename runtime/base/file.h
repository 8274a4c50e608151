#ifndef PERDURE_RUNTIME_BASE_FILE_H_
#define PERDURE_RUNTIME_BASE_FILE_H_

// Files and directories with POSIX durability, every failure a Status that
// names the path. All calls block; none is thread-bound.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// An open file descriptor, closed on destruction (errors of that close are
// lost: call Close() where they matter).
class File {
 public:
  enum class Mode {
    kRead,       // must exist
    kCreate,     // created or truncated, read and write
    kCreateNew,  // O_EXCL
    kReadWrite,  // must exist
    kAppend,     // created if missing, every write goes to the end
    // Must exist; around the page cache (O_DIRECT): address, offset and size of
    // every call are multiples of the page. An error where the file system
    // cannot.
    kDirectRead,
    kDirectWrite,
  };

  static absl::StatusOr<File> Open(absl::string_view path, Mode mode);
  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  // Reads to the end of the file, at most `size` bytes; how many it were.
  absl::StatusOr<size_t> ReadUpTo(uint64_t offset, void* data,
                                  size_t size) const;
  // Reads or writes exactly `size` bytes at `offset`; a short file is DataLoss.
  absl::Status ReadAt(uint64_t offset, void* data, size_t size) const;
  absl::Status WriteAt(uint64_t offset, const void* data, size_t size);
  // Writes at the file position (the end, for kAppend).
  absl::Status Write(const void* data, size_t size);
  absl::StatusOr<uint64_t> Size() const;
  absl::Status Truncate(uint64_t size);
  // Reserves blocks, so that a full disk is met now and not half way.
  absl::Status Allocate(uint64_t size);
  absl::Status SyncData();  // fdatasync
  absl::Status Sync();      // fsync
  absl::Status Close();
  const std::string& path() const { return path_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
  std::string path_;
};

// A read-only mapping of a whole file; an empty file maps to size 0.
class MappedFile {
 public:
  static absl::StatusOr<MappedFile> Open(absl::string_view path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

absl::StatusOr<std::string> ReadFile(absl::string_view path);
// Temporary file beside `path`, fsync, rename, fsync of the directory: a reader
// sees the old content or the new one, also after a crash.
absl::Status WriteFileAtomically(absl::string_view path,
                                 absl::string_view content);
absl::Status SyncDirectory(absl::string_view path);
bool FileExists(absl::string_view path);
bool IsDirectory(absl::string_view path);
absl::Status CreateDirectories(absl::string_view path);
// Renames and fsyncs the parent directories.
absl::Status RenameDurably(absl::string_view from, absl::string_view to);
absl::Status RemoveTree(absl::string_view path);
// Names (not paths) in a directory, sorted, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListDirectory(absl::string_view path);
absl::StatusOr<uint64_t> FreeBytes(absl::string_view path);
// "a/b" from "a" and "b"; an absolute second part wins.
std::string JoinPath(absl::string_view a, absl::string_view b);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_BASE_FILE_H_
