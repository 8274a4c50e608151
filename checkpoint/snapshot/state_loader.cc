#include "checkpoint/snapshot/state_loader.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

// What a rank reads before the others look at it. It has room for two.
constexpr uint64_t kWindowBytes = uint64_t{16} << 20;

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

// Blocks [begin, end) of the node's list, read by one rank in one round.
struct Window {
  size_t begin, end;
};

// What each rank reads in which round: contiguous parts of about equal size.
std::vector<std::vector<Window>> CutIntoWindows(
    const std::vector<BlockId>& blocks, const std::vector<BlockFile>& files,
    size_t ranks, uint64_t* total) {
  const auto bytes_of = [&](const BlockId& id) {
    return files[id.file].blocks()[id.block].bytes;
  };
  *total = 0;
  for (const BlockId& id : blocks) *total += bytes_of(id);
  std::vector<std::vector<Window>> windows(ranks);
  uint64_t done = 0, in_window = 0;
  size_t last_rank = ranks;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const uint64_t bytes = bytes_of(blocks[i]);
    // 128 bits: terabytes times ranks.
    const auto rank = static_cast<size_t>(static_cast<unsigned __int128>(done) *
                                          ranks / *total);
    if (rank != last_rank || in_window + bytes > kWindowBytes) {
      windows[rank].push_back({i, i});
      in_window = 0;
    }
    last_rank = rank;
    windows[rank].back().end = i + 1;
    in_window += bytes;
    done += bytes;
  }
  return windows;
}

class Loading {
 public:
  Loading(Communicator& node, const std::vector<BlockFile>& files,
          const std::vector<std::vector<Fetch>>& fetches)
      : node_(node), files_(files), fetches_(fetches) {}

  absl::Status Run(LoadReport* report, absl::Status* found) {
    ASSIGN_OR_RETURN(const std::vector<FileRange> needs,
                     NeedsOfNode(node_, fetches_));
    for (const FileRange& range : needs) {
      report->bytes_needed += range.end - range.begin;
    }
    blocks_ = BlocksOf(needs, files_);
    windows_ =
        CutIntoWindows(blocks_, files_, static_cast<size_t>(node_.size()),
                       &report->bytes_read);
    *found = CutFetches();
    RETURN_IF_ERROR(MakeMemory());
    size_t rounds = 0;
    for (const auto& of_rank : windows_) {
      rounds = std::max(rounds, of_rank.size());
    }
    for (size_t round = 0; round < rounds; ++round) {
      found->Update(ReadWindow(round));
      // Two halves in turn: when all are past this, all are done with the round
      // before, and its half may be filled again.
      RETURN_IF_ERROR(node_.Barrier());
      for (int rank = 0; rank < node_.size(); ++rank) Deliver(rank, round);
    }
    // Memory goes when nobody looks at it any more.
    return node_.Barrier();
  }

 private:
  absl::Status CutFetches() {
    for (size_t file = 0; file < files_.size(); ++file) {
      ASSIGN_OR_RETURN(pieces_.emplace_back(),
                       files_[file].Cut(fetches_[file]));
    }
    return absl::OkStatus();
  }

  absl::Status MakeMemory() {
    if (node_.size() == 1) {
      alone_.resize(2 * kWindowBytes);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(segments_, node_.AllocateShared(2 * kWindowBytes));
    if (segments_ != nullptr) return absl::OkStatus();
    return absl::InternalError(
        absl::StrCat(node_.name(), ": its ranks cannot share memory"));
  }

  char* Half(int rank, size_t round) {
    char* base = segments_ != nullptr
                     ? static_cast<char*>(segments_->segment(rank))
                     : alone_.data();
    return base + round % 2 * kWindowBytes;
  }

  // Neighbouring blocks in one call.
  absl::Status ReadWindow(size_t round) {
    const auto& mine = windows_[static_cast<size_t>(node_.rank())];
    if (round >= mine.size()) return absl::OkStatus();
    char* data = Half(node_.rank(), round);
    for (size_t i = mine[round].begin; i < mine[round].end;) {
      const std::vector<FileBlock>& blocks = files_[blocks_[i].file].blocks();
      const size_t first = i++;
      const FileBlock* before = &blocks[blocks_[first].block];
      uint64_t bytes = before->bytes;
      for (; i < mine[round].end && blocks_[i].file == blocks_[first].file;
           ++i) {
        const FileBlock* block = &blocks[blocks_[i].block];
        if (block != before + 1 ||
            block->offset != before->offset + before->bytes) {
          break;
        }
        bytes += block->bytes;
        before = block;
      }
      RETURN_IF_ERROR(files_[blocks_[first].file].ReadBlocks(
          blocks_[first].block, blocks_[first].block + (i - first), data));
      data += bytes;
    }
    return absl::OkStatus();
  }

  // Takes what this rank wants of what `rank` has read in a round.
  void Deliver(int rank, size_t round) {
    const auto& windows = windows_[static_cast<size_t>(rank)];
    if (round >= windows.size()) return;
    const char* data = Half(rank, round);
    for (size_t i = windows[round].begin; i < windows[round].end; ++i) {
      const auto [file, block] = blocks_[i];
      if (file < pieces_.size()) {
        const std::vector<BlockFile::Piece>& pieces = pieces_[file];
        auto piece = std::lower_bound(
            pieces.begin(), pieces.end(), block,
            [](const BlockFile::Piece& p, size_t b) { return p.block < b; });
        for (; piece != pieces.end() && piece->block == block; ++piece) {
          BlockFile::Deliver(fetches_[file][piece->fetch], *piece,
                             data + piece->begin);
        }
      }
      data += files_[file].blocks()[block].bytes;
    }
  }

  Communicator& node_;
  const std::vector<BlockFile>& files_;
  const std::vector<std::vector<Fetch>>& fetches_;
  std::vector<BlockId> blocks_;                        // that the node needs
  std::vector<std::vector<Window>> windows_;           // by rank, by round
  std::vector<std::vector<BlockFile::Piece>> pieces_;  // by file
  std::unique_ptr<SharedSegments> segments_;
  std::vector<char> alone_;
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
