#include "checkpoint/format/sparse_image.h"

#include <algorithm>
#include <cstring>

namespace perdure {
namespace {

constexpr uint64_t kPageBytes = 16 << 10;

// The part of [offset, offset + size) that is in the first page it touches.
size_t InPage(uint64_t offset, size_t size) {
  return std::min<uint64_t>(size, kPageBytes - offset % kPageBytes);
}

}  // namespace

void SparseImage::Write(uint64_t offset, const void* data, size_t size) {
  const char* source = static_cast<const char*>(data);
  while (size > 0) {
    const size_t part = InPage(offset, size);
    std::vector<char>& page = pages_[offset / kPageBytes];
    page.resize(kPageBytes);
    std::memcpy(page.data() + offset % kPageBytes, source, part);
    offset += part;
    source += part;
    size -= part;
  }
  bytes_ = std::max(bytes_, offset);
}

void SparseImage::Read(uint64_t offset, void* data, size_t size) const {
  char* target = static_cast<char*>(data);
  while (size > 0) {
    const size_t part = InPage(offset, size);
    const auto page = pages_.find(offset / kPageBytes);
    if (page == pages_.end()) {
      std::memset(target, 0, part);
    } else {
      std::memcpy(target, page->second.data() + offset % kPageBytes, part);
    }
    offset += part;
    target += part;
    size -= part;
  }
}

void SparseImage::ForEachPage(
    absl::FunctionRef<void(uint64_t, const char*, size_t)> visit) const {
  for (const auto& [number, page] : pages_) {
    const uint64_t offset = number * kPageBytes;
    if (offset >= bytes_) break;
    visit(offset, page.data(), std::min<uint64_t>(kPageBytes, bytes_ - offset));
  }
}

}  // namespace perdure
