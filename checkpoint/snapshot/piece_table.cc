#include "checkpoint/snapshot/piece_table.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/tensor_index.h"

namespace perdure {
namespace {

using TensorKey = std::pair<StateKind, std::string>;

struct OwnedRange {
  int64_t begin;
  int64_t end;
  int rank;
};

struct Holdings {
  PlannedTensor planned;
  int first_rank = 0;
  std::vector<OwnedRange> ranges;
};

std::string KeyText(StateKind kind, const std::string& name) {
  return absl::StrCat(StateKindName(kind), " ", name);
}

absl::Status CheckPiece(const StatePiece& piece) {
  const TensorShape tensor{piece.tensor, piece.dtype, piece.shape};
  const bool positive = std::all_of(piece.shape.begin(), piece.shape.end(),
                                    [](int64_t extent) { return extent > 0; });
  if (!positive || piece.begin < 0 || piece.end > tensor.elements()) {
    return absl::InternalError(absl::StrCat(
        KeyText(piece.kind, piece.tensor), ": elements ", piece.begin, " to ",
        piece.end, " are not in a tensor of ", ShapeText(piece.shape)));
  }
  return absl::OkStatus();
}

bool SameTensor(const TensorShare& share, const StatePiece& piece) {
  return share.name() == piece.tensor &&
         share.kind() == static_cast<int>(piece.kind);
}

TensorShare* AddShare(const StatePiece& piece, RankShares* shares) {
  TensorShare* share = shares->add_tensors();
  share->set_name(piece.tensor);
  share->set_kind(static_cast<int>(piece.kind));
  share->set_dtype(static_cast<int>(piece.dtype));
  share->mutable_shape()->Assign(piece.shape.begin(), piece.shape.end());
  return share;
}

// Makes the piece the next of the last pattern, or the first of a new one.
void AddRun(const StatePiece& piece, TensorShare* share) {
  const int64_t length = piece.end - piece.begin;
  if (share->runs_size() > 0) {
    RunPattern& last = *share->mutable_runs()->rbegin();
    const int64_t stride =
        piece.begin - last.begin() - (last.count() - 1) * last.stride();
    if (length == last.length() && stride >= length &&
        (last.count() == 1 || stride == last.stride())) {
      last.set_count(last.count() + 1);
      last.set_stride(stride);
      return;
    }
  }
  RunPattern* run = share->add_runs();
  run->set_begin(piece.begin);
  run->set_length(length);
  run->set_count(1);
  run->set_stride(0);
}

absl::Status AddHoldings(const RankShares& shares, int rank,
                         std::map<TensorKey, Holdings>* all) {
  for (const TensorShare& share : shares.tensors()) {
    PlannedTensor planned;
    planned.kind = static_cast<StateKind>(share.kind());
    planned.tensor.name = share.name();
    planned.tensor.dtype = static_cast<DType>(share.dtype());
    planned.tensor.shape.assign(share.shape().begin(), share.shape().end());
    const auto [entry, added] =
        all->try_emplace(TensorKey(planned.kind, share.name()));
    Holdings& holdings = entry->second;
    if (added) {
      holdings.planned = planned;
      holdings.first_rank = rank;
    } else if (holdings.planned.tensor.dtype != planned.tensor.dtype ||
               holdings.planned.tensor.shape != planned.tensor.shape) {
      return absl::InternalError(absl::StrCat(
          KeyText(planned.kind, share.name()), ": ranks ", holdings.first_rank,
          " and ", rank, " disagree on its dtype or shape"));
    }
    for (const RunPattern& run : share.runs()) {
      for (int64_t i = 0; i < run.count(); ++i) {
        const int64_t begin = run.begin() + i * run.stride();
        holdings.ranges.push_back({begin, begin + run.length(), rank});
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCoverage(Holdings& holdings) {
  std::sort(holdings.ranges.begin(), holdings.ranges.end(),
            [](const OwnedRange& a, const OwnedRange& b) {
              return std::tie(a.begin, a.rank) < std::tie(b.begin, b.rank);
            });
  const std::string name =
      KeyText(holdings.planned.kind, holdings.planned.tensor.name);
  OwnedRange last{0, 0, 0};
  for (const OwnedRange& range : holdings.ranges) {
    if (range.begin < last.end) {
      return absl::InternalError(absl::StrCat(name, ": element ", range.begin,
                                              " comes from rank ", last.rank,
                                              " and from rank ", range.rank));
    }
    if (range.begin > last.end) {
      return absl::InternalError(absl::StrCat(name, ": elements ", last.end,
                                              " to ", range.begin,
                                              " come from no rank"));
    }
    last = range;
  }
  const int64_t elements = holdings.planned.tensor.elements();
  if (last.end != elements) {
    return absl::InternalError(absl::StrCat(
        name, ": elements ", last.end, " to ", elements, " come from no rank"));
  }
  return absl::OkStatus();
}

}  // namespace

PieceOrder WriteOrder(const std::vector<StatePiece>& pieces) {
  PieceOrder order;
  for (const StatePiece& piece : pieces) {
    if (piece.begin < piece.end) order.push_back(&piece);
  }
  std::sort(order.begin(), order.end(),
            [](const StatePiece* a, const StatePiece* b) {
              return std::tie(a->kind, a->tensor, a->begin) <
                     std::tie(b->kind, b->tensor, b->begin);
            });
  return order;
}

absl::StatusOr<RankShares> DescribePieces(const PieceOrder& order) {
  RankShares shares;
  TensorShare* share = nullptr;
  for (const StatePiece* piece : order) {
    RETURN_IF_ERROR(CheckPiece(*piece));
    if (share == nullptr || !SameTensor(*share, *piece)) {
      share = AddShare(*piece, &shares);
    }
    AddRun(*piece, share);
  }
  return shares;
}

absl::StatusOr<std::vector<PlannedTensor>> MergeShares(
    const std::vector<RankShares>& of_ranks) {
  std::map<TensorKey, Holdings> all;
  for (size_t rank = 0; rank < of_ranks.size(); ++rank) {
    RETURN_IF_ERROR(AddHoldings(of_ranks[rank], static_cast<int>(rank), &all));
  }
  std::vector<PlannedTensor> tensors;
  for (auto& [key, holdings] : all) {
    RETURN_IF_ERROR(CheckCoverage(holdings));
    tensors.push_back(std::move(holdings.planned));
  }
  return tensors;
}

}  // namespace perdure
