#ifndef PERDURE_CHECKPOINT_SNAPSHOT_WRITE_LIST_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_WRITE_LIST_H_

// What a rank writes, in order: a pure function of the plan, so that rank 0
// knows the extents of all ranks and needs only their checksums.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "checkpoint/snapshot/plan.h"

namespace perdure {

// Elements of a tensor that lie together: one extent of the manifest.
struct WriteExtent {
  uint32_t tensor = 0;
  int64_t begin = 0;  // element
  uint32_t file = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

// The extents of a rank's ranges, in the ranges' order. A long range that does
// not begin at a page of its file is cut there, so that the rest consists of
// whole pages.
std::vector<WriteExtent> ExtentsOf(const SnapshotPlan& plan, size_t rank);

// A block of at most kBlockBytes, with a checksum of its own.
struct WriteBlock {
  uint32_t extent = 0;
  uint64_t begin = 0;  // byte of the extent
  uint64_t bytes = 0;
};

// Neighbouring blocks of one file that are written in one call.
struct WriteChunk {
  uint32_t file = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;  // at most kChunkBytes
  size_t first_block = 0;
  size_t end_block = 0;
};
inline constexpr uint64_t kChunkBytes = uint64_t{4} << 20;

struct WriteList {
  std::vector<WriteExtent> extents;
  std::vector<WriteBlock> blocks;
  std::vector<WriteChunk> chunks;
  uint64_t bytes = 0;
};

// The bytes of a rank's ranges, one after the other, are those of the chunks.
// `packed`: neighbouring blocks make one chunk; otherwise each is its own.
WriteList MakeWriteList(const SnapshotPlan& plan, size_t rank,
                        bool packed = true);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_WRITE_LIST_H_
