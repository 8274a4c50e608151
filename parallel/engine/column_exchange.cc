#include "parallel/engine/column_exchange.h"

#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "glog/logging.h"

namespace perdure {
namespace {

constexpr int kTag = 6;

int64_t WidthOf(const std::vector<ShardRun>& row) {
  return row.empty() ? 0 : row.back().local_offset + row.back().length;
}

// A shard's runs in one row, which are the same in all.
std::vector<ShardRun> RunsOfRow(const ParamSpec& spec, int tp, int rank) {
  ParamSpec row = spec;
  row.shape[0] = 1;
  return ShardRuns(row, tp, rank);
}

// Calls take(offset in the whole rows, offset in the shard's rows, length) for
// what of the runs lies in `part` of `rows` whole rows, ascending in rows.
template <typename Take>
void ForEachPiece(const std::vector<ShardRun>& runs, int64_t width, Range part,
                  Take take) {
  if (part.size() == 0) return;
  const int64_t local_width = WidthOf(runs);
  for (int64_t row = part.begin / width; row * width < part.end; ++row) {
    for (const ShardRun& run : runs) {
      const int64_t begin = row * width + run.global_offset;
      const Range piece = Intersect({begin, begin + run.length}, part);
      if (piece.size() <= 0) continue;
      take(piece.begin,
           row * local_width + run.local_offset + piece.begin - begin,
           piece.size());
    }
  }
}

}  // namespace

ColumnExchange::ColumnExchange(Communicator& tp, const ParamLayout& layout,
                               std::vector<StateRequest> requests)
    : tp_(tp), requests_(std::move(requests)) {
  std::map<std::string, const ParamSpec*> split;
  for (const ParamSlot& slot : layout.slots()) {
    if (slot.spec.split_dim != 1) continue;
    split.emplace(
        slot.spec.alias_of.empty() ? slot.spec.name : slot.spec.alias_of,
        &slot.spec);
  }
  for (size_t i = 0; i < requests_.size(); ++i) {
    StateRequest& request = requests_[i];
    const auto spec = split.find(request.tensor);
    if (spec == split.end() || request.runs.empty()) continue;
    Block block;
    block.request = i;
    block.width = request.shape[1];
    for (int rank = 0; rank < tp.size(); ++rank) {
      block.of.push_back(RunsOfRow(*spec->second, tp.size(), rank));
    }
    int64_t elements = 0;
    for (const ShardRun& run : request.runs) elements += run.length;
    const int64_t mine = WidthOf(block.of[static_cast<size_t>(tp.rank())]);
    CHECK_EQ(elements % mine, 0) << request.tensor << ": not whole rows";
    block.rows = elements / mine;
    int64_t next = 0;
    for (const std::vector<ShardRun>& runs : block.of) {
      const int64_t size = block.rows * WidthOf(runs);
      block.parts.push_back({next, next + size});
      next += size;
    }
    const Range part = block.parts[static_cast<size_t>(tp.rank())];
    const int64_t first_row = request.runs[0].global_offset / block.width;
    request.runs = {{first_row * block.width + part.begin, 0, part.size()}};
    blocks_.push_back(std::move(block));
  }
}

// What `rank` needs of what `reader`, which is this rank, has read.
std::vector<char> ColumnExchange::Pack(const Block& block, int rank,
                                       int reader) const {
  const StateRequest& request = requests_[block.request];
  const int64_t element = SizeOf(request.dtype);
  const char* read = static_cast<const char*>(request.base);
  const Range part = block.parts[static_cast<size_t>(reader)];
  std::vector<char> packed;
  ForEachPiece(block.of[static_cast<size_t>(rank)], block.width, part,
               [&](int64_t whole, int64_t, int64_t length) {
                 const char* from = read + (whole - part.begin) * element;
                 packed.insert(packed.end(), from, from + length * element);
               });
  return packed;
}

// What this rank needs of what `reader` has read.
void ColumnExchange::Unpack(const Block& block, int reader,
                            const std::vector<char>& packed) {
  const StateRequest& request = requests_[block.request];
  const int64_t element = SizeOf(request.dtype);
  char* base = static_cast<char*>(request.base);
  const char* from = packed.data();
  ForEachPiece(block.of[static_cast<size_t>(tp_.rank())], block.width,
               block.parts[static_cast<size_t>(reader)],
               [&](int64_t, int64_t local, int64_t length) {
                 std::memcpy(base + local * element, from,
                             static_cast<size_t>(length * element));
                 from += length * element;
               });
}

absl::Status ColumnExchange::Swap(const Block& block) {
  const int me = tp_.rank();
  const int64_t element = SizeOf(requests_[block.request].dtype);
  std::vector<std::vector<char>> packed(static_cast<size_t>(tp_.size()));
  std::vector<std::vector<char>> received(packed.size());
  std::vector<std::unique_ptr<CommRequest>> transfers;
  for (int peer = 0; peer < tp_.size(); ++peer) {
    const size_t p = static_cast<size_t>(peer);
    packed[p] = Pack(block, peer, me);
    if (peer == me) continue;
    int64_t elements = 0;
    ForEachPiece(block.of[static_cast<size_t>(me)], block.width, block.parts[p],
                 [&](int64_t, int64_t, int64_t length) { elements += length; });
    received[p].resize(static_cast<size_t>(elements * element));
    if (!received[p].empty()) {
      ASSIGN_OR_RETURN(
          transfers.emplace_back(),
          tp_.Receive(received[p].data(), received[p].size(), peer, kTag));
    }
    if (!packed[p].empty()) {
      ASSIGN_OR_RETURN(
          transfers.emplace_back(),
          tp_.Send(packed[p].data(), packed[p].size(), peer, kTag));
    }
  }
  for (const std::unique_ptr<CommRequest>& transfer : transfers) {
    RETURN_IF_ERROR(transfer->Wait());
  }
  for (int peer = 0; peer < tp_.size(); ++peer) {
    const size_t p = static_cast<size_t>(peer);
    Unpack(block, peer, peer == me ? packed[p] : received[p]);
  }
  return absl::OkStatus();
}

absl::Status ColumnExchange::Finish() {
  for (const Block& block : blocks_) RETURN_IF_ERROR(Swap(block));
  return absl::OkStatus();
}

absl::StatusOr<bool> SpansNodes(Communicator& group) {
  if (group.size() == 1) return false;
  ASSIGN_OR_RETURN(const std::unique_ptr<SharedSegments> shared,
                   group.AllocateShared(1));
  return shared == nullptr;
}

}  // namespace perdure
