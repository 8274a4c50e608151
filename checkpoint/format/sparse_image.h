#ifndef PERDURE_CHECKPOINT_FORMAT_SPARSE_IMAGE_H_
#define PERDURE_CHECKPOINT_FORMAT_SPARSE_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/functional/function_ref.h"

namespace perdure {

// The content of a file in memory: what was never written is zero and takes no
// space, however long the file.
class SparseImage {
 public:
  void Write(uint64_t offset, const void* data, size_t size);
  void Read(uint64_t offset, void* data, size_t size) const;
  // What was written, ascending, and zeros around it.
  void ForEachPage(
      absl::FunctionRef<void(uint64_t offset, const char* data, size_t size)>
          visit) const;
  uint64_t bytes() const { return bytes_; }
  void set_bytes(uint64_t bytes) { bytes_ = bytes; }

 private:
  std::map<uint64_t, std::vector<char>> pages_;  // by page number
  uint64_t bytes_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_SPARSE_IMAGE_H_
