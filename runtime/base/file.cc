#include "runtime/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

int OpenFlags(File::Mode mode) {
  switch (mode) {
    case File::Mode::kRead:
      return O_RDONLY;
    case File::Mode::kCreate:
      return O_RDWR | O_CREAT | O_TRUNC;
    case File::Mode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
    case File::Mode::kReadWrite:
      return O_RDWR;
    case File::Mode::kAppend:
      return O_WRONLY | O_CREAT | O_APPEND;
    case File::Mode::kDirectRead:
      return O_RDONLY | O_DIRECT;
    case File::Mode::kDirectWrite:
      return O_WRONLY | O_DIRECT;
  }
  return O_RDONLY;
}

std::string ParentOf(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<size_t>(slash, 1)));
}

absl::Status FromErrorCode(absl::string_view operation, absl::string_view path,
                           const std::error_code& error) {
  return error ? ErrnoStatus(operation, path, error.value()) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<File> File::Open(absl::string_view path, Mode mode) {
  File file;
  file.path_ = std::string(path);
  file.fd_ = ::open(file.path_.c_str(), OpenFlags(mode) | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return ErrnoStatus("open", path, errno);
  return file;
}

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

absl::StatusOr<size_t> File::ReadUpTo(uint64_t offset, void* data,
                                      size_t size) const {
  char* out = static_cast<char*>(data);
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd_, out + done, size - done,
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus("read", path_, errno);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

absl::Status File::ReadAt(uint64_t offset, void* data, size_t size) const {
  ASSIGN_OR_RETURN(const size_t done, ReadUpTo(offset, data, size));
  if (done == size) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path_, ": ends at byte ", offset + done, ", ", size - done,
                   " more were expected; the file is truncated"));
}

absl::Status File::WriteAt(uint64_t offset, const void* data, size_t size) {
  const char* in = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::pwrite(fd_, in, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus("write", path_, errno);
    in += n;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::Status File::Write(const void* data, size_t size) {
  const char* in = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(fd_, in, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus("write", path_, errno);
    in += n;
    size -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> File::Size() const {
  struct stat info;
  if (::fstat(fd_, &info) != 0) return ErrnoStatus("stat", path_, errno);
  return static_cast<uint64_t>(info.st_size);
}

absl::Status File::Truncate(uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    return ErrnoStatus("truncate", path_, errno);
  }
  return absl::OkStatus();
}

absl::Status File::Allocate(uint64_t size) {
  if (size == 0) return absl::OkStatus();
  const int error = ::posix_fallocate(fd_, 0, static_cast<off_t>(size));
  return error == 0 ? absl::OkStatus() : ErrnoStatus("allocate", path_, error);
}

absl::Status File::SyncData() {
  if (::fdatasync(fd_) != 0) return ErrnoStatus("fdatasync", path_, errno);
  return absl::OkStatus();
}

absl::Status File::Sync() {
  if (::fsync(fd_) != 0) return ErrnoStatus("fsync", path_, errno);
  return absl::OkStatus();
}

absl::Status File::Close() {
  if (fd_ < 0) return absl::OkStatus();
  if (::close(std::exchange(fd_, -1)) != 0) {
    return ErrnoStatus("close", path_, errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(absl::string_view path) {
  ASSIGN_OR_RETURN(File file, File::Open(path, File::Mode::kRead));
  if (IsDirectory(path)) return ErrnoStatus("read", path, EISDIR);
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  std::string content(size, '\0');
  RETURN_IF_ERROR(file.ReadAt(0, content.data(), content.size()));
  return content;
}

absl::Status WriteFileAtomically(absl::string_view path,
                                 absl::string_view content) {
  const std::string temporary = absl::StrCat(path, ".tmp");
  const auto write = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(File file, File::Open(temporary, File::Mode::kCreate));
    RETURN_IF_ERROR(file.Write(content.data(), content.size()));
    RETURN_IF_ERROR(file.Sync());
    RETURN_IF_ERROR(file.Close());
    return RenameDurably(temporary, path);
  };
  absl::Status status = write();
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

absl::Status SyncDirectory(absl::string_view path) {
  const std::string name(path);
  const int fd = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("open directory", path, errno);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? absl::OkStatus() : ErrnoStatus("fsync", path, error);
}

bool FileExists(absl::string_view path) {
  return ::access(std::string(path).c_str(), F_OK) == 0;
}

bool IsDirectory(absl::string_view path) {
  std::error_code error;
  return std::filesystem::is_directory(std::string(path), error);
}

absl::Status CreateDirectories(absl::string_view path) {
  std::error_code error;
  std::filesystem::create_directories(std::string(path), error);
  return FromErrorCode("create directory", path, error);
}

absl::Status RenameDurably(absl::string_view from, absl::string_view to) {
  if (::rename(std::string(from).c_str(), std::string(to).c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("rename to ", to, " of"), from, errno);
  }
  RETURN_IF_ERROR(SyncDirectory(ParentOf(to)));
  return ParentOf(from) == ParentOf(to) ? absl::OkStatus()
                                        : SyncDirectory(ParentOf(from));
}

absl::Status RemoveTree(absl::string_view path) {
  std::error_code error;
  std::filesystem::remove_all(std::string(path), error);
  return FromErrorCode("remove", path, error);
}

absl::StatusOr<std::vector<std::string>> ListDirectory(absl::string_view path) {
  std::error_code error;
  std::filesystem::directory_iterator entries(std::string(path), error);
  RETURN_IF_ERROR(FromErrorCode("list", path, error));
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<uint64_t> FreeBytes(absl::string_view path) {
  struct statvfs info;
  if (::statvfs(std::string(path).c_str(), &info) != 0) {
    return ErrnoStatus("statvfs", path, errno);
  }
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

std::string JoinPath(absl::string_view a, absl::string_view b) {
  if (a.empty() || (!b.empty() && b.front() == '/')) return std::string(b);
  return a.back() == '/' ? absl::StrCat(a, b) : absl::StrCat(a, "/", b);
}

}  // namespace perdure
