#include "runtime/comm/memory_map.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure {

namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;

uint64_t RoundUp(uint64_t bytes, uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

absl::StatusOr<MemoryMap> MemoryMap::Map(int fd, uint64_t bytes) {
  MemoryMap map;
  if (bytes == 0) return map;
  const int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kind, fd, 0);
  if (data == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "cannot map ", bytes, " bytes of memory: ", std::strerror(errno),
        "; free memory or ask for less"));
  }
  map.data_ = static_cast<char*>(data);
  map.bytes_ = bytes;
  return map;
}

absl::StatusOr<MemoryMap> MemoryMap::Anonymous(uint64_t bytes) {
  return Map(-1, bytes);
}

absl::StatusOr<MemoryMap> MemoryMap::Touched(uint64_t bytes) {
  const uint64_t size = WholePages(bytes);
  ASSIGN_OR_RETURN(MemoryMap map, Map(-1, size + kHugePage));
  const auto address = reinterpret_cast<uint64_t>(map.data_);
  const uint64_t skipped = RoundUp(address, kHugePage) - address;
  char* data = map.data_ + skipped;
  if (skipped > 0) munmap(map.data_, skipped);
  if (skipped < kHugePage) munmap(data + size, kHugePage - skipped);
  map.data_ = data;
  map.bytes_ = size;
  madvise(data, size, MADV_HUGEPAGE);  // only a hint
  std::memset(data, 0, size);
  return map;
}

absl::StatusOr<MemoryMap> MemoryMap::OfFile(int fd, uint64_t bytes) {
  return Map(fd, bytes);
}

MemoryMap::MemoryMap(MemoryMap&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

MemoryMap& MemoryMap::operator=(MemoryMap&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MemoryMap::~MemoryMap() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

uint64_t WholePages(uint64_t bytes) {
  const uint64_t page = sysconf(_SC_PAGESIZE);
  return RoundUp(std::max<uint64_t>(bytes, 1), page);
}

}  // namespace perdure
