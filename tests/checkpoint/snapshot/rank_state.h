#ifndef PERDURE_TESTS_CHECKPOINT_SNAPSHOT_RANK_STATE_H_
#define PERDURE_TESTS_CHECKPOINT_SNAPSHOT_RANK_STATE_H_

#include <cstring>
#include <vector>

#include "checkpoint/snapshot/piece_table.h"
#include "runtime/state/state_map.h"
#include "tests/checkpoint/snapshot/tiny_state.h"

namespace perdure {

// The state of one rank of several, in memory that a test may write to.
class RankState {
 public:
  RankState(const TinyState& state, int ranks, int rank, Cut cut = Cut::kFlat) {
    std::vector<RankShares> shares;
    for (int r = 0; r < ranks; ++r) {
      const auto pieces = state.Pieces(cut, ranks, r);
      shares.push_back(DescribePieces(WriteOrder(pieces)).value());
    }
    map_ = MergeShares(shares).value();
    const auto pieces = state.Pieces(cut, ranks, rank);
    for (const StatePiece* piece : WriteOrder(pieces)) {
      const char* data = static_cast<const char*>(piece->data);
      ranges_.emplace_back(
          data, data + (piece->end - piece->begin) * SizeOf(piece->dtype));
    }
  }

  const StateMap& map() const { return map_; }
  absl::Status Give(StateSink* sink) const {
    for (size_t i = 0; i < ranges_.size(); ++i) {
      RETURN_IF_ERROR(sink->Take(i, 0, ranges_[i].data(), ranges_[i].size()));
    }
    return absl::OkStatus();
  }
  void Scribble() {
    for (std::vector<char>& range : ranges_) {
      std::memset(range.data(), 0x5a, range.size());
    }
  }

 private:
  StateMap map_;
  std::vector<std::vector<char>> ranges_;
};

}  // namespace perdure

#endif  // PERDURE_TESTS_CHECKPOINT_SNAPSHOT_RANK_STATE_H_
