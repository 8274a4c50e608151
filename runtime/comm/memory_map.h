#ifndef PERDURE_RUNTIME_COMM_MEMORY_MAP_H_
#define PERDURE_RUNTIME_COMM_MEMORY_MAP_H_

// Page-aligned, zero-filled memory straight from the kernel, private to the
// process or shared through a file descriptor. Pages cost memory once touched.

#include <cstdint>

#include "runtime/base/status.h"

namespace perdure {

class MemoryMap {
 public:
  // ResourceExhausted with the size asked for. 0 bytes give an empty map.
  static absl::StatusOr<MemoryMap> Anonymous(uint64_t bytes);
  // Anonymous memory that begins at a multiple of 2 MiB and lies on huge pages
  // where the system grants them: fewer faults and TLB misses, and a disk
  // reads faster into it. All of it is touched here, so that use only copies.
  static absl::StatusOr<MemoryMap> Touched(uint64_t bytes);
  // A shared mapping of the first `bytes` bytes of a file.
  static absl::StatusOr<MemoryMap> OfFile(int fd, uint64_t bytes);

  MemoryMap() = default;
  MemoryMap(MemoryMap&& other) noexcept;
  MemoryMap& operator=(MemoryMap&& other) noexcept;
  ~MemoryMap();

  char* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  static absl::StatusOr<MemoryMap> Map(int fd, uint64_t bytes);
  char* data_ = nullptr;
  uint64_t bytes_ = 0;
};

// `bytes` rounded up to whole pages, at least one.
uint64_t WholePages(uint64_t bytes);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_MEMORY_MAP_H_
