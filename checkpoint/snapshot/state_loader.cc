#include "checkpoint/snapshot/state_loader.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/snapshot/read_ahead.h"
#include "runtime/base/text.h"
#include "runtime/comm/memory_map.h"

namespace perdure {
namespace {

// What a rank reads before the others look at it: two whole blocks, so that
// the windows of a node that are under way stay in its cache.
constexpr uint64_t kWindowBytes = 2 * kBlockBytes + kPageBytes;
// A disk wants several requests at a time, also while one is checked.
constexpr int kReadersOfNode = 4;

struct FileRange {
  uint64_t file;
  uint64_t begin, end;
};

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

// The bytes that any rank of the node needs.
absl::StatusOr<std::vector<FileRange>> NeedsOfNode(
    Communicator& node, const std::vector<std::vector<Fetch>>& fetches) {
  std::vector<FileRange> mine;
  for (size_t file = 0; file < fetches.size(); ++file) {
    for (const Fetch& fetch : fetches[file]) {
      if (fetch.bytes == 0) continue;
      mine.push_back({file, fetch.offset, fetch.offset + fetch.bytes});
    }
  }
  Merge(&mine);
  ASSIGN_OR_RETURN(
      const std::vector<std::string> texts,
      AllGatherStrings(node, {reinterpret_cast<const char*>(mine.data()),
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

struct BlockId {
  uint32_t file;
  uint32_t block;
  friend bool operator<(const BlockId& a, const BlockId& b) {
    return std::pair(a.file, a.block) < std::pair(b.file, b.block);
  }
};

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

// Blocks [begin, end) of the node's list that are neighbours in one file, in
// whole pages of a window.
struct BlockRun {
  size_t begin, end;
  uint64_t at;  // of its first page in the window
};

// What one rank reads in one round.
using Window = std::vector<BlockRun>;

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

class Loading {
 public:
  Loading(Communicator& node, const std::vector<BlockFile>& files,
          const std::vector<std::vector<Fetch>>& fetches)
      : node_(node),
        files_(files),
        fetches_(fetches),
        readers_(
            static_cast<size_t>(std::max(1, kReadersOfNode / node.size()))) {}

  absl::Status Run(LoadReport* report, absl::Status* found) {
    ASSIGN_OR_RETURN(const std::vector<FileRange> needs,
                     NeedsOfNode(node_, fetches_));
    for (const FileRange& range : needs) {
      report->bytes_needed += range.end - range.begin;
    }
    blocks_ = BlocksOf(needs, files_);
    WindowCutter cutter(blocks_, files_, static_cast<size_t>(node_.size()));
    report->bytes_read = cutter.total();
    windows_ = cutter.Cut();
    *found = CutFetches();
    RETURN_IF_ERROR(MakeMemory());
    size_t rounds = 0;
    for (const auto& of_rank : windows_) {
      rounds = std::max(rounds, of_rank.size());
    }
    ReadAhead reads(readers_, rounds, slots_,
                    [this](size_t round) { return ReadWindow(round); });
    for (size_t round = 0; round < rounds; ++round) {
      found->Update(reads.Wait(round));
      RETURN_IF_ERROR(node_.Barrier());
      // All ranks have taken what the round before had.
      reads.Allow(round + slots_);
      if (alone()) continue;
      for (int rank = 0; rank < node_.size(); ++rank) Deliver(rank, round);
    }
    // Memory goes when nobody looks at it any more.
    return node_.Barrier();
  }

 private:
  bool alone() const { return node_.size() == 1; }

  absl::Status CutFetches() {
    for (size_t file = 0; file < files_.size(); ++file) {
      ASSIGN_OR_RETURN(pieces_.emplace_back(),
                       files_[file].Cut(fetches_[file]));
    }
    return absl::OkStatus();
  }

  absl::Status MakeMemory() {
    if (alone()) {
      ASSIGN_OR_RETURN(alone_, MemoryMap::Touched(slots_ * kWindowBytes));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(segments_, node_.AllocateShared(slots_ * kWindowBytes));
    if (segments_ != nullptr) return absl::OkStatus();
    return absl::InternalError(
        absl::StrCat(node_.name(), ": its ranks cannot share memory"));
  }

  char* Slot(int rank, size_t round) {
    char* base = segments_ != nullptr
                     ? static_cast<char*>(segments_->segment(rank))
                     : alone_.data();
    return base + round % slots_ * kWindowBytes;
  }

  // This rank's window of a round; nullptr if it has none.
  const Window* Mine(size_t round) const {
    const auto& mine = windows_[static_cast<size_t>(node_.rank())];
    return round < mine.size() ? &mine[round] : nullptr;
  }

  // Reads and checks this rank's window of a round, if it has one; takes it too
  // if nobody else does.
  absl::Status ReadWindow(size_t round) {
    const Window* window = Mine(round);
    if (window == nullptr) return absl::OkStatus();
    char* slot = Slot(node_.rank(), round);
    for (const BlockRun& run : *window) {
      const auto [file, block] = blocks_[run.begin];
      const size_t end = block + (run.end - run.begin);
      RETURN_IF_ERROR(files_[file].ReadRun(block, end, slot + run.at));
      RETURN_IF_ERROR(files_[file].CheckRun(block, end, slot + run.at));
    }
    // While it is in this core's cache.
    if (alone()) Deliver(node_.rank(), round);
    return absl::OkStatus();
  }

  // Takes what this rank wants of what `rank` has read in a round.
  void Deliver(int rank, size_t round) {
    const auto& windows = windows_[static_cast<size_t>(rank)];
    if (round >= windows.size()) return;
    for (const BlockRun& run : windows[round]) {
      const BlockFile& file = files_[blocks_[run.begin].file];
      const char* data = Slot(rank, round) + run.at +
                         file.OffsetInPage(blocks_[run.begin].block);
      for (size_t i = run.begin; i < run.end; ++i) {
        DeliverBlock(blocks_[i], data);
        data += file.blocks()[blocks_[i].block].bytes;
      }
    }
  }

  void DeliverBlock(const BlockId& id, const char* data) {
    if (id.file >= pieces_.size()) return;
    const std::vector<BlockFile::Piece>& pieces = pieces_[id.file];
    auto piece = std::lower_bound(
        pieces.begin(), pieces.end(), id.block,
        [](const BlockFile::Piece& p, size_t b) { return p.block < b; });
    for (; piece != pieces.end() && piece->block == id.block; ++piece) {
      BlockFile::Deliver(fetches_[id.file][piece->fetch], *piece,
                         data + piece->begin);
    }
  }

  Communicator& node_;
  const std::vector<BlockFile>& files_;
  const std::vector<std::vector<Fetch>>& fetches_;
  const size_t readers_;
  // Those that are read, one that is taken, and one that others may not have
  // done with.
  const size_t slots_ = readers_ + 2;
  std::vector<BlockId> blocks_;                        // that the node needs
  std::vector<std::vector<Window>> windows_;           // by rank, by round
  std::vector<std::vector<BlockFile::Piece>> pieces_;  // by file
  std::unique_ptr<SharedSegments> segments_;
  MemoryMap alone_;
};

}  // namespace

absl::Status LoadTogether(Communicator& node,
                          const std::vector<BlockFile>& files,
                          const std::vector<std::vector<Fetch>>& fetches,
                          LoadReport* report, absl::Status* found) {
  return Loading(node, files, fetches).Run(report, found);
}

absl::StatusOr<std::unique_ptr<Communicator>> SplitByNode(
    Communicator& world, absl::string_view name) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   AllGatherStrings(world, name));
  const auto first = std::find(names.begin(), names.end(), name);
  ASSIGN_OR_RETURN(std::unique_ptr<Communicator> node,
                   world.Split(static_cast<int>(first - names.begin()),
                               world.rank(), "node"));
  ASSIGN_OR_RETURN(const std::unique_ptr<SharedSegments> probe,
                   node->AllocateShared(1));
  // Containers on one machine do not see each other's memory: each for itself.
  const int64_t apart = probe == nullptr && node->size() > 1 ? 1 : 0;
  ASSIGN_OR_RETURN(
      const double any,
      AllReduceScalar(world, static_cast<double>(apart), ReduceOp::kMax));
  if (any == 0) return node;
  return world.Split(apart == 0 ? static_cast<int>(first - names.begin())
                                : world.size() + world.rank(),
                     world.rank(), "node");
}

absl::StatusOr<std::vector<StateRequest>> SelectRequests(
    const std::vector<StateRequest>& requests, const LoadOptions& options) {
  std::vector<StateRequest> selected;
  std::vector<bool> used(options.patterns.size());
  for (const StateRequest& request : requests) {
    bool wanted = options.patterns.empty();
    for (size_t i = 0; i < options.patterns.size(); ++i) {
      if (!MatchesPattern(request.tensor, options.patterns[i])) continue;
      used[i] = true;
      wanted = true;
    }
    if (options.weights_only && request.kind != StateKind::kWeight) continue;
    if (wanted) selected.push_back(request);
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i]) continue;
    std::vector<std::string> names;
    for (const StateRequest& request : requests) {
      names.push_back(request.tensor);
    }
    return absl::InvalidArgumentError(
        absl::StrCat("no tensor is called '", options.patterns[i], "'",
                     DidYouMean(options.patterns[i], names)));
  }
  return selected;
}

}  // namespace perdure
