#ifndef PERDURE_CHECKPOINT_FORMAT_CHECKSUM_H_
#define PERDURE_CHECKPOINT_FORMAT_CHECKSUM_H_

// What guards stored bytes: XXH3-64 of every block.

#include <cstddef>
#include <cstdint>

namespace perdure {

// Blocks start at an extent's begin; only an extent's last one is shorter. A
// multiple of every element size, so no element lies in two blocks.
inline constexpr uint64_t kBlockBytes = uint64_t{1} << 20;

// XXH3-64 without a seed; part of the stored format.
uint64_t Checksum(const void* data, size_t size);

// Blocks of an extent (or of one of its runs) of `bytes` bytes.
constexpr uint64_t BlocksOf(uint64_t bytes) {
  return bytes / kBlockBytes + (bytes % kBlockBytes != 0);
}

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_CHECKSUM_H_
