#include "checkpoint/snapshot/state_loader.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/load_plan.h"
#include "checkpoint/snapshot/read_ahead.h"
#include "runtime/base/text.h"
#include "runtime/comm/memory_map.h"

namespace perdure {
namespace {

// A disk wants several requests at a time, also while one is checked.
constexpr int kReadersOfNode = 4;

// At a meeting all wait for the slowest. Four were about as fast as two, and
// take more memory: docs/benchmarks/snapshot.md.
constexpr size_t kRoundsTogether = 2;

class Loading {
 public:
  // `elsewhere` may be nullptr: all files are here.
  Loading(Communicator& node, const std::vector<BlockFile>& files,
          const std::vector<std::vector<Fetch>>& fetches,
          NodeExchange* elsewhere)
      : node_(node),
        files_(files),
        fetches_(fetches),
        elsewhere_(elsewhere),
        readers_(
            static_cast<size_t>(std::max(1, kReadersOfNode / node.size()))) {}

  absl::Status Run(LoadReport* report, Findings* found) {
    ASSIGN_OR_RETURN(const std::vector<Need> needs,
                     UnionOfNeeds(node_, NeedsOf(fetches_)));
    for (const Need& need : needs) {
      report->bytes_needed += need.rows.rows * need.rows.bytes;
    }
    plan_ = PlanLoad(needs, files_, static_cast<size_t>(node_.size()));
    report->bytes_read = plan_.bytes;
    size_t rounds = plan_.rounds();
    if (elsewhere_ != nullptr) {
      ASSIGN_OR_RETURN(rounds, elsewhere_->Plan(needs));
    }
    found->status = CutFetches();
    RETURN_IF_ERROR(MakeMemory());
    ReadAhead reads(readers_, rounds, slots_,
                    [this](size_t round) { return ReadWindow(round); });
    for (size_t first = 0; first < rounds; first += together_) {
      const size_t end = std::min(rounds, first + together_);
      for (size_t round = first; round < end; ++round) {
        found->status.Update(reads.Wait(round));
        if (elsewhere_ == nullptr) continue;
        RETURN_IF_ERROR(
            elsewhere_->Round(round, Slot(node_.rank(), round), found));
      }
      RETURN_IF_ERROR(node_.Barrier());
      // All ranks have taken what the rounds before `first` had.
      reads.Allow(first + slots_);
      if (taken_at_once()) continue;
      for (size_t round = first; round < end; ++round) {
        for (int rank = 0; rank < node_.size(); ++rank) Deliver(rank, round);
      }
    }
    found->damaged_files.merge(damaged_files_);
    // Memory goes when nobody looks at it any more.
    return node_.Barrier();
  }

 private:
  bool alone() const { return node_.size() == 1; }
  // By the thread that has read it.
  bool taken_at_once() const { return alone() && elsewhere_ == nullptr; }

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
    return plan_.WindowOf(static_cast<size_t>(node_.rank()), round);
  }

  // Reads and checks this rank's window of a round, if it has one; takes it too
  // if nobody else does.
  absl::Status ReadWindow(size_t round) {
    const Window* window = Mine(round);
    if (window == nullptr) return absl::OkStatus();
    char* slot = Slot(node_.rank(), round);
    for (const BlockRun& run : *window) {
      const auto [file, block] = plan_.blocks[run.begin];
      if (elsewhere_ != nullptr && !elsewhere_->IsHere(file)) continue;
      const size_t end = block + (run.end - run.begin);
      RETURN_IF_ERROR(files_[file].ReadRun(block, end, slot + run.at));
      const absl::Status good =
          files_[file].CheckRun(block, end, slot + run.at);
      if (good.ok()) continue;
      const std::lock_guard lock(damage_);
      damaged_files_.insert(file);
      return good;
    }
    // While it is in this core's cache.
    if (taken_at_once()) Deliver(node_.rank(), round);
    return absl::OkStatus();
  }

  // Takes what this rank wants of what `rank` has read in a round.
  void Deliver(int rank, size_t round) {
    const Window* window = plan_.WindowOf(static_cast<size_t>(rank), round);
    if (window == nullptr) return;
    for (const BlockRun& run : *window) {
      const BlockFile& file = files_[plan_.blocks[run.begin].file];
      const char* data = Slot(rank, round) + run.at +
                         file.OffsetInPage(plan_.blocks[run.begin].block);
      for (size_t i = run.begin; i < run.end; ++i) {
        DeliverBlock(plan_.blocks[i], data);
        data += file.blocks()[plan_.blocks[i].block].bytes;
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
      files_[id.file].Deliver(fetches_[id.file][piece->fetch], id.block, data);
    }
  }

  Communicator& node_;
  const std::vector<BlockFile>& files_;
  const std::vector<std::vector<Fetch>>& fetches_;
  NodeExchange* const elsewhere_;
  const size_t readers_;
  // Rounds between two meetings of the ranks.
  const size_t together_ = alone() ? 1 : kRoundsTogether;
  // Those that are read, those that are taken, and those that others may not
  // have done with.
  const size_t slots_ = readers_ + 2 * together_;
  LoadPlan plan_;
  std::vector<std::vector<BlockFile::Piece>> pieces_;  // by file
  std::unique_ptr<SharedSegments> segments_;
  MemoryMap alone_;
  std::mutex damage_;
  std::set<size_t> damaged_files_;
};

}  // namespace

absl::Status LoadTogether(Communicator& node,
                          const std::vector<BlockFile>& files,
                          const std::vector<std::vector<Fetch>>& fetches,
                          NodeExchange* elsewhere, LoadReport* report,
                          Findings* found) {
  return Loading(node, files, fetches, elsewhere).Run(report, found);
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
