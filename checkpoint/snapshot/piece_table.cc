#include "checkpoint/snapshot/piece_table.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/tensor_index.h"
#include "checkpoint/snapshot/plan.h"

namespace perdure {
namespace {

StateTensor TensorOf(const StatePiece& piece) {
  return {piece.kind, piece.tensor, piece.dtype, piece.shape};
}

absl::Status CheckPiece(const StatePiece& piece) {
  const StateTensor tensor = TensorOf(piece);
  const bool positive = std::all_of(piece.shape.begin(), piece.shape.end(),
                                    [](int64_t extent) { return extent > 0; });
  if (!positive || piece.begin < 0 || piece.end > tensor.elements()) {
    return absl::InternalError(absl::StrCat(
        TensorLabel(tensor), ": elements ", piece.begin, " to ", piece.end,
        " are not in a tensor of ", ShapeText(piece.shape)));
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

StateTensor TensorOf(const TensorShare& share) {
  return {static_cast<StateKind>(share.kind()),
          share.name(),
          static_cast<DType>(share.dtype()),
          {share.shape().begin(), share.shape().end()}};
}

// The tensors of all ranks, each with the number of the first rank that has it.
absl::StatusOr<std::vector<StateTensor>> MergeTensors(
    const std::vector<RankShares>& of_ranks) {
  std::map<std::pair<StateKind, std::string>, std::pair<StateTensor, size_t>>
      all;
  for (size_t rank = 0; rank < of_ranks.size(); ++rank) {
    for (const TensorShare& share : of_ranks[rank].tensors()) {
      const StateTensor tensor = TensorOf(share);
      const auto [entry, added] = all.try_emplace(
          std::pair(tensor.kind, tensor.name), std::pair(tensor, rank));
      const auto& [first, first_rank] = entry->second;
      if (first.dtype != tensor.dtype || first.shape != tensor.shape) {
        return absl::InternalError(
            absl::StrCat(TensorLabel(tensor), ": ranks ", first_rank, " and ",
                         rank, " disagree on its dtype or shape"));
      }
    }
  }
  std::vector<StateTensor> tensors;
  for (auto& [key, entry] : all) tensors.push_back(std::move(entry.first));
  std::sort(tensors.begin(), tensors.end());
  return tensors;
}

}  // namespace

PieceOrder WriteOrder(const std::vector<StatePiece>& pieces) {
  PieceOrder order;
  for (const StatePiece& piece : pieces) {
    if (piece.begin < piece.end) order.push_back(&piece);
  }
  const auto key = [](const StatePiece& piece) {
    return std::tuple(piece.kind, -SizeOf(piece.dtype),
                      absl::string_view(piece.tensor), piece.begin);
  };
  std::sort(order.begin(), order.end(),
            [&](const StatePiece* a, const StatePiece* b) {
              return key(*a) < key(*b);
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

absl::StatusOr<StateMap> MergeShares(const std::vector<RankShares>& of_ranks) {
  StateMap map;
  ASSIGN_OR_RETURN(map.tensors, MergeTensors(of_ranks));
  for (const RankShares& shares : of_ranks) {
    std::vector<StateRange>& ranges = map.ranges.emplace_back();
    for (const TensorShare& share : shares.tensors()) {
      const auto tensor = std::lower_bound(map.tensors.begin(),
                                           map.tensors.end(), TensorOf(share));
      const auto number = static_cast<uint32_t>(tensor - map.tensors.begin());
      for (const RunPattern& run : share.runs()) {
        for (int64_t i = 0; i < run.count(); ++i) {
          const int64_t begin = run.begin() + i * run.stride();
          ranges.push_back({number, begin, begin + run.length()});
        }
      }
    }
  }
  return map;
}

}  // namespace perdure
