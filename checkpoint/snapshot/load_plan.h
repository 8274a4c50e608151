#ifndef PERDURE_CHECKPOINT_SNAPSHOT_LOAD_PLAN_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_LOAD_PLAN_H_

// What the ranks of a node read, and in which order: a pure function of what
// they need and of the blocks of the files.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "checkpoint/format/block_file.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/needs.h"

namespace perdure {

// What a rank reads at once: two whole blocks, so that the windows of a node
// that are under way stay in its cache.
inline constexpr uint64_t kWindowBytes = 2 * kBlockBytes + kPageBytes;

struct BlockId {
  uint32_t file;
  uint32_t block;
  friend bool operator<(const BlockId& a, const BlockId& b) {
    return std::pair(a.file, a.block) < std::pair(b.file, b.block);
  }
};

// Blocks [begin, end) of the node's list that are neighbours in one file, in
// whole pages of a window.
struct BlockRun {
  size_t begin, end;
  uint64_t at;  // of its first page in the window
};

// What one rank reads in one round.
using Window = std::vector<BlockRun>;

struct LoadPlan {
  std::vector<BlockId> blocks;               // that the node needs, ascending
  std::vector<std::vector<Window>> windows;  // by rank of the node, by round
  uint64_t bytes = 0;                        // of the blocks

  size_t rounds() const;
  // The window of a rank in a round; nullptr if it has none.
  const Window* WindowOf(size_t rank, size_t round) const {
    return round < windows[rank].size() ? &windows[rank][round] : nullptr;
  }
};

// Each of `ranks` ranks reads a contiguous part of about equal size.
LoadPlan PlanLoad(const std::vector<Need>& needs,
                  const std::vector<BlockFile>& files, size_t ranks);

// Of the run's blocks.
uint64_t BytesOf(const BlockRun& run, const LoadPlan& plan,
                 const std::vector<BlockFile>& files);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_LOAD_PLAN_H_
