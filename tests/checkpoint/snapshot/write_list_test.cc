#include "checkpoint/snapshot/write_list.h"

#include "checkpoint/format/checksum.h"
#include "checkpoint/format/storage.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

// One tensor of fp32 in a file that begins with 100 bytes of something else.
SnapshotPlan PlanOf(std::vector<int64_t> sizes, std::vector<StateRange> mine) {
  SnapshotPlan plan;
  uint64_t offset = 100;
  for (const int64_t size : sizes) {
    plan.map.tensors.push_back({StateKind::kWeight,
                                std::to_string(plan.map.tensors.size()),
                                DType::kF32,
                                {size}});
    plan.offsets.push_back(offset);
    offset += static_cast<uint64_t>(size) * 4;
  }
  plan.weights = sizes.size();
  plan.map.ranges.push_back(std::move(mine));
  return plan;
}

TEST(WriteListTest, ALongRangeIsCutAtItsFirstPage) {
  const WriteList list =
      MakeWriteList(PlanOf({3'000'000}, {{0, 0, 3'000'000}}), 0);
  ASSERT_EQ(list.extents.size(), 2u);
  EXPECT_EQ(list.extents[0].offset, 100u);
  EXPECT_EQ(list.extents[0].bytes, kPageBytes - 100);
  EXPECT_EQ(list.extents[1].offset, kPageBytes);
  EXPECT_EQ(list.extents[1].begin, static_cast<int64_t>(kPageBytes - 100) / 4);
  for (size_t i = 1; i < list.chunks.size(); ++i) {
    EXPECT_EQ(list.chunks[i].offset % kPageBytes, 0u) << i;
    EXPECT_LE(list.chunks[i].bytes, kChunkBytes) << i;
  }
}

TEST(WriteListTest, SmallNeighboursAreWrittenTogether) {
  const WriteList list =
      MakeWriteList(PlanOf({10, 20, 30, 40},
                           {{0, 0, 10}, {1, 0, 20}, {2, 0, 30}, {3, 0, 40}}),
                    0);
  ASSERT_EQ(list.chunks.size(), 1u);
  EXPECT_EQ(list.chunks[0].bytes, 400u);
  EXPECT_EQ(list.blocks.size(), 4u);  // each with a checksum of its own
}

TEST(WriteListTest, AGapEndsAChunk) {
  const WriteList list =
      MakeWriteList(PlanOf({10, 20, 30}, {{0, 0, 10}, {2, 0, 30}}), 0);
  ASSERT_EQ(list.chunks.size(), 2u);
  EXPECT_EQ(list.chunks[1].offset, 100u + 30 * 4);
}

TEST(WriteListTest, ChunksHoldAllBlocksInOrder) {
  const WriteList list =
      MakeWriteList(PlanOf({5'000'000, 7, 1'000'003},
                           {{0, 12, 4'999'999}, {1, 0, 7}, {2, 0, 1'000'003}}),
                    0);
  size_t next = 0;
  uint64_t bytes = 0;
  for (const WriteChunk& chunk : list.chunks) {
    EXPECT_EQ(chunk.first_block, next);
    uint64_t in_chunk = 0;
    for (size_t i = chunk.first_block; i < chunk.end_block; ++i) {
      const WriteBlock& block = list.blocks[i];
      EXPECT_EQ(list.extents[block.extent].offset + block.begin,
                chunk.offset + in_chunk);
      EXPECT_LE(block.bytes, kBlockBytes);
      in_chunk += block.bytes;
    }
    EXPECT_EQ(in_chunk, chunk.bytes);
    next = chunk.end_block;
    bytes += in_chunk;
  }
  EXPECT_EQ(next, list.blocks.size());
  EXPECT_EQ(bytes, list.bytes);
  EXPECT_EQ(bytes, uint64_t{4} * (4'999'987 + 7 + 1'000'003));
}

}  // namespace
}  // namespace perdure
