#include "checkpoint/snapshot/load_plan.h"

#include <algorithm>
#include <utility>

namespace perdure {
namespace {

// The blocks that are needed, ascending.
std::vector<BlockId> BlocksOf(const std::vector<Need>& needs,
                              const std::vector<BlockFile>& files) {
  std::vector<BlockId> needed;
  for (const auto& [file, rows] : needs) {
    const std::vector<FileBlock>& blocks = files[file].blocks();
    auto block = std::upper_bound(blocks.begin(), blocks.end(), rows.begin,
                                  [](uint64_t at, const FileBlock& b) {
                                    return at < b.offset + b.bytes;
                                  });
    for (; block != blocks.end() && block->offset < rows.end(); ++block) {
      if (!rows.HasBytesIn(block->offset, block->offset + block->bytes)) {
        continue;
      }
      needed.push_back({static_cast<uint32_t>(file),
                        static_cast<uint32_t>(block - blocks.begin())});
    }
  }
  std::sort(needed.begin(), needed.end());
  const auto same = [](const BlockId& a, const BlockId& b) {
    return !(a < b);  // sorted
  };
  needed.erase(std::unique(needed.begin(), needed.end(), same), needed.end());
  return needed;
}

// What each rank reads in which round: contiguous parts of about equal size.
class WindowCutter {
 public:
  WindowCutter(const std::vector<BlockId>& blocks,
               const std::vector<BlockFile>& files, size_t ranks)
      : blocks_(blocks), files_(files), windows_(ranks) {
    for (const BlockId& id : blocks) total_ += BlockOf(id).bytes;
  }

  uint64_t total() const { return total_; }

  std::vector<std::vector<Window>> Cut() {
    uint64_t done = 0;
    size_t last_rank = windows_.size();
    for (size_t i = 0; i < blocks_.size(); ++i) {
      // 128 bits: terabytes times ranks.
      const auto rank = static_cast<size_t>(
          static_cast<unsigned __int128>(done) * windows_.size() / total_);
      Add(i, rank, rank == last_rank && Follows(i));
      last_rank = rank;
      done += BlockOf(blocks_[i]).bytes;
    }
    return std::move(windows_);
  }

 private:
  const FileBlock& BlockOf(const BlockId& id) const {
    return files_[id.file].blocks()[id.block];
  }

  // Whether block i lies behind the one before it.
  bool Follows(size_t i) const {
    if (i == 0 || blocks_[i].file != blocks_[i - 1].file ||
        blocks_[i].block != blocks_[i - 1].block + 1) {
      return false;
    }
    const FileBlock& before = BlockOf(blocks_[i - 1]);
    return BlockOf(blocks_[i]).offset == before.offset + before.bytes;
  }

  void Add(size_t i, size_t rank, bool follows) {
    std::vector<Window>& windows = windows_[rank];
    const uint64_t bytes = BlockOf(blocks_[i]).bytes;
    // A run may begin and end within a page.
    const uint64_t at = Pages(used_);
    const uint64_t as_new =
        at + files_[blocks_[i].file].OffsetInPage(blocks_[i].block) + bytes;
    if (windows.empty() || (!follows && Pages(as_new) > kWindowBytes) ||
        (follows && Pages(used_ + bytes) > kWindowBytes)) {
      windows.emplace_back();
      used_ = 0;
      return Add(i, rank, false);
    }
    if (follows && !windows.back().empty()) {
      windows.back().back().end = i + 1;
      used_ += bytes;
    } else {
      windows.back().push_back({i, i + 1, at});
      used_ = as_new;
    }
  }

  static uint64_t Pages(uint64_t bytes) {
    return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  }

  const std::vector<BlockId>& blocks_;
  const std::vector<BlockFile>& files_;
  std::vector<std::vector<Window>> windows_;
  uint64_t total_ = 0;
  uint64_t used_ = 0;  // of the last window
};

}  // namespace

size_t LoadPlan::rounds() const {
  size_t rounds = 0;
  for (const auto& of_rank : windows) {
    rounds = std::max(rounds, of_rank.size());
  }
  return rounds;
}

LoadPlan PlanLoad(const std::vector<Need>& needs,
                  const std::vector<BlockFile>& files, size_t ranks) {
  LoadPlan plan;
  plan.blocks = BlocksOf(needs, files);
  WindowCutter cutter(plan.blocks, files, ranks);
  plan.bytes = cutter.total();
  plan.windows = cutter.Cut();
  return plan;
}

uint64_t BytesOf(const BlockRun& run, const LoadPlan& plan,
                 const std::vector<BlockFile>& files) {
  const std::vector<FileBlock>& blocks =
      files[plan.blocks[run.begin].file].blocks();
  const FileBlock& first = blocks[plan.blocks[run.begin].block];
  const FileBlock& last = blocks[plan.blocks[run.end - 1].block];
  return last.offset + last.bytes - first.offset;
}

}  // namespace perdure
