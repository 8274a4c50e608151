#ifndef PERDURE_CHECKPOINT_SNAPSHOT_FILE_MAP_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_FILE_MAP_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// A file as memory that can be written to. Its space has been reserved: in a
// file with holes a full file system would be a signal.
class FileMap {
 public:
  // The first `bytes` bytes of a file that is at least as long.
  static absl::StatusOr<FileMap> Open(absl::string_view path, uint64_t bytes);
  FileMap() = default;
  FileMap(FileMap&& other) noexcept;
  FileMap& operator=(FileMap&& other) noexcept;
  ~FileMap();

  char* data() const { return data_; }

 private:
  char* data_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_FILE_MAP_H_
