#include "checkpoint/snapshot/piece_table.h"

#include "checkpoint/snapshot/plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using testing::HasSubstr;

StatePiece Piece(const std::string& name, std::vector<int64_t> shape,
                 int64_t begin, int64_t end) {
  StatePiece piece;
  piece.tensor = name;
  piece.shape = std::move(shape);
  piece.begin = begin;
  piece.end = end;
  return piece;
}

RankShares Describe(const std::vector<StatePiece>& pieces) {
  auto shares = DescribePieces(WriteOrder(pieces));
  EXPECT_TRUE(shares.ok()) << shares.status();
  return *shares;
}

std::string Problem(const std::vector<std::vector<StatePiece>>& of_ranks) {
  std::vector<RankShares> shares;
  for (const auto& pieces : of_ranks) shares.push_back(Describe(pieces));
  const absl::StatusOr<StateMap> map = MergeShares(shares);
  const absl::Status status = map.ok() ? CheckCoverage(*map) : map.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  return std::string(status.message());
}

TEST(PieceTableTest, RowsOfAColumnShardAreOneEntry) {
  std::vector<StatePiece> pieces;
  for (int row = 0; row < 1000; ++row) {
    pieces.push_back(Piece("w", {1000, 8}, row * 8 + 2, row * 8 + 5));
  }
  const RankShares shares = Describe(pieces);
  ASSERT_EQ(shares.tensors_size(), 1);
  ASSERT_EQ(shares.tensors(0).runs_size(), 1);
  const RunPattern& run = shares.tensors(0).runs(0);
  EXPECT_EQ(run.begin(), 2);
  EXPECT_EQ(run.length(), 3);
  EXPECT_EQ(run.count(), 1000);
  EXPECT_EQ(run.stride(), 8);
}

TEST(PieceTableTest, UnevenPiecesStayApartAndOrderDoesNotMatter) {
  const RankShares shares =
      Describe({Piece("w", {20}, 12, 20), Piece("w", {20}, 0, 4),
                Piece("w", {20}, 4, 12)});
  ASSERT_EQ(shares.tensors(0).runs_size(), 2);
  EXPECT_EQ(shares.tensors(0).runs(0).length(), 4);
  EXPECT_EQ(shares.tensors(0).runs(1).count(), 2);
  EXPECT_TRUE(MergeShares({shares}).ok());
}

TEST(PieceTableTest, TensorsComeByKindThenName) {
  StatePiece moment = Piece("a", {2}, 0, 2);
  moment.kind = StateKind::kMoment1;
  const auto map = MergeShares({Describe({moment, Piece("b", {3}, 0, 3)}),
                                Describe({Piece("a", {2}, 0, 2)})});
  ASSERT_TRUE(map.ok()) << map.status();
  ASSERT_EQ(map->tensors.size(), 3u);
  EXPECT_EQ(map->tensors[0].name, "a");
  EXPECT_EQ(map->tensors[1].name, "b");
  EXPECT_EQ(map->tensors[2].kind, StateKind::kMoment1);
  const std::vector<StateRange> first = {{1, 0, 3}, {2, 0, 2}};
  EXPECT_EQ(map->ranges[0], first);
}

TEST(PieceTableTest, AGapNamesTheElements) {
  EXPECT_THAT(Problem({{Piece("w", {10}, 0, 4)}, {Piece("w", {10}, 6, 10)}}),
              HasSubstr("weight w: elements 4 to 6 come from no rank"));
}

TEST(PieceTableTest, AMissingEndIsAGap) {
  EXPECT_THAT(Problem({{Piece("w", {10}, 0, 4)}, {Piece("w", {10}, 4, 9)}}),
              HasSubstr("elements 9 to 10 come from no rank"));
}

TEST(PieceTableTest, AnOverlapNamesBothRanks) {
  EXPECT_THAT(Problem({{Piece("w", {10}, 0, 6)}, {Piece("w", {10}, 5, 10)}}),
              HasSubstr("element 5 comes from rank 0 and from rank 1"));
}

TEST(PieceTableTest, TheSamePieceTwiceIsAnOverlap) {
  EXPECT_THAT(Problem({{Piece("w", {4}, 0, 4), Piece("w", {4}, 0, 4)}}),
              HasSubstr("element 0 comes from rank 0 and from rank 0"));
}

TEST(PieceTableTest, ShapesThatDisagreeNameTheRanks) {
  EXPECT_THAT(Problem({{Piece("w", {2, 3}, 0, 3)}, {Piece("w", {3, 2}, 3, 6)}}),
              HasSubstr("ranks 0 and 1 disagree"));
}

TEST(PieceTableTest, APieceOutsideOfItsTensorIsRefused) {
  EXPECT_EQ(DescribePieces(WriteOrder({Piece("w", {4}, 2, 5)})).status().code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(
      DescribePieces(WriteOrder({Piece("w", {4}, -1, 2)})).status().code(),
      absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace perdure
