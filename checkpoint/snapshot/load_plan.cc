#include "checkpoint/snapshot/load_plan.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace perdure {
namespace {

// Sorted, those that touch made one.
void Merge(std::vector<FileRange>* ranges) {
  std::sort(ranges->begin(), ranges->end(),
            [](const FileRange& a, const FileRange& b) {
              return std::pair(a.file, a.begin) < std::pair(b.file, b.begin);
            });
  size_t last = 0;
  for (size_t i = 1; i < ranges->size(); ++i) {
    FileRange& before = (*ranges)[last];
    const FileRange& range = (*ranges)[i];
    if (range.file == before.file && range.begin <= before.end) {
      before.end = std::max(before.end, range.end);
    } else {
      (*ranges)[++last] = range;
    }
  }
  if (!ranges->empty()) ranges->resize(last + 1);
}

// The blocks that the ranges touch, ascending.
std::vector<BlockId> BlocksOf(const std::vector<FileRange>& ranges,
                              const std::vector<BlockFile>& files) {
  std::vector<BlockId> touched;
  for (const FileRange& range : ranges) {
    const std::vector<FileBlock>& blocks = files[range.file].blocks();
    auto block = std::upper_bound(blocks.begin(), blocks.end(), range.begin,
                                  [](uint64_t at, const FileBlock& b) {
                                    return at < b.offset + b.bytes;
                                  });
    for (; block != blocks.end() && block->offset < range.end; ++block) {
      const BlockId id{static_cast<uint32_t>(range.file),
                       static_cast<uint32_t>(block - blocks.begin())};
      if (touched.empty() || touched.back() < id) touched.push_back(id);
    }
  }
  return touched;
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

std::vector<FileRange> RangesOf(
    const std::vector<std::vector<Fetch>>& fetches) {
  std::vector<FileRange> ranges;
  for (size_t file = 0; file < fetches.size(); ++file) {
    for (const Fetch& fetch : fetches[file]) {
      if (fetch.bytes == 0) continue;
      ranges.push_back({file, fetch.offset, fetch.offset + fetch.bytes});
    }
  }
  Merge(&ranges);
  return ranges;
}

absl::StatusOr<std::vector<FileRange>> UnionOfRanges(
    Communicator& group, const std::vector<FileRange>& mine) {
  ASSIGN_OR_RETURN(
      const std::vector<std::string> texts,
      AllGatherStrings(group, {reinterpret_cast<const char*>(mine.data()),
                               mine.size() * sizeof(FileRange)}));
  std::vector<FileRange> all;
  for (const std::string& text : texts) {
    const size_t before = all.size();
    all.resize(before + text.size() / sizeof(FileRange));
    std::memcpy(all.data() + before, text.data(), text.size());
  }
  Merge(&all);
  return all;
}

size_t LoadPlan::rounds() const {
  size_t rounds = 0;
  for (const auto& of_rank : windows) {
    rounds = std::max(rounds, of_rank.size());
  }
  return rounds;
}

LoadPlan PlanLoad(const std::vector<FileRange>& needs,
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
