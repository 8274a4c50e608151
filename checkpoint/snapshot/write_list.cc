#include "checkpoint/snapshot/write_list.h"

#include <algorithm>

#include "checkpoint/format/checksum.h"
#include "checkpoint/format/storage.h"

namespace perdure {
namespace {

bool Continues(const WriteChunk& chunk, const WriteExtent& extent,
               const WriteBlock& block) {
  const uint64_t at = extent.offset + block.begin;
  // A long extent that begins a page begins a chunk: all of its chunks are then
  // whole pages, and can go around the page cache.
  const bool fresh = block.begin == 0 && extent.bytes >= kBlockBytes &&
                     extent.offset % kPageBytes == 0;
  return chunk.file == extent.file && chunk.offset + chunk.bytes == at &&
         chunk.bytes + block.bytes <= kChunkBytes && !fresh;
}

}  // namespace

std::vector<WriteExtent> ExtentsOf(const SnapshotPlan& plan, size_t rank) {
  std::vector<WriteExtent> extents;
  for (size_t i = 0; i < plan.map.ranges[rank].size(); ++i) {
    const StateRange& range = plan.map.ranges[rank][i];
    const FilePlace place = plan.PlaceOf(rank, i);
    const int64_t size = SizeOf(plan.map.tensors[range.tensor].dtype);
    WriteExtent extent;
    extent.tensor = range.tensor;
    extent.begin = range.begin;
    extent.file = place.file;
    extent.offset = place.offset;
    extent.bytes = static_cast<uint64_t>((range.end - range.begin) * size);
    const uint64_t head =
        (kPageBytes - extent.offset % kPageBytes) % kPageBytes;
    if (head > 0 && head % static_cast<uint64_t>(size) == 0 &&
        extent.bytes >= kBlockBytes) {
      WriteExtent first = extent;
      first.bytes = head;
      extents.push_back(first);
      extent.begin += static_cast<int64_t>(head) / size;
      extent.offset += head;
      extent.bytes -= head;
    }
    extents.push_back(extent);
  }
  return extents;
}

WriteList MakeWriteList(const SnapshotPlan& plan, size_t rank, bool packed) {
  WriteList list;
  list.extents = ExtentsOf(plan, rank);
  for (uint32_t i = 0; i < list.extents.size(); ++i) {
    const WriteExtent& extent = list.extents[i];
    for (uint64_t at = 0; at < extent.bytes; at += kBlockBytes) {
      const WriteBlock block{i, at, std::min(kBlockBytes, extent.bytes - at)};
      if (list.chunks.empty() || !packed ||
          !Continues(list.chunks.back(), extent, block)) {
        list.chunks.push_back({extent.file, extent.offset + at, 0,
                               list.blocks.size(), list.blocks.size()});
      }
      list.blocks.push_back(block);
      list.chunks.back().bytes += block.bytes;
      list.chunks.back().end_block = list.blocks.size();
    }
    list.bytes += extent.bytes;
  }
  return list;
}

}  // namespace perdure
