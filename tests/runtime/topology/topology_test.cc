#include "runtime/topology/topology.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TopologyConfig Degrees(int pp, int dp, int pertp, int tp) {
  TopologyConfig config;
  config.set_pp(pp);
  if (dp > 0) config.set_dp(dp);
  config.set_pertp(pertp);
  config.set_tp(tp);
  return config;
}

// Every mesh of at most 16 ranks.
std::vector<Topology> AllMeshes() {
  std::vector<Topology> meshes;
  for (int pp = 1; pp <= 16; ++pp) {
    for (int dp = 1; pp * dp <= 16; ++dp) {
      for (int pertp = 1; pp * dp * pertp <= 16; ++pertp) {
        for (int tp = 1; pp * dp * pertp * tp <= 16; ++tp) {
          auto topology = Topology::Create(Degrees(pp, dp, pertp, tp),
                                           pp * dp * pertp * tp);
          EXPECT_TRUE(topology.ok()) << topology.status();
          meshes.push_back(*topology);
        }
      }
    }
  }
  return meshes;
}

std::vector<std::vector<Axis>> AllAxisSubsets() {
  std::vector<std::vector<Axis>> subsets;
  for (int mask = 0; mask < 1 << kAxes; ++mask) {
    std::vector<Axis> axes;
    for (int axis = 0; axis < kAxes; ++axis) {
      if (mask >> axis & 1) axes.push_back(static_cast<Axis>(axis));
    }
    subsets.push_back(axes);
  }
  return subsets;
}

TEST(TopologyTest, RanksAndCoordinatesAreABijection) {
  for (const Topology& mesh : AllMeshes()) {
    std::set<std::array<int, kAxes>> seen;
    for (int rank = 0; rank < mesh.ranks(); ++rank) {
      const RankCoordinates c = mesh.CoordinatesOf(rank);
      EXPECT_TRUE(c.pp >= 0 && c.pp < mesh.pp());
      EXPECT_TRUE(c.dp >= 0 && c.dp < mesh.dp());
      EXPECT_TRUE(c.pertp >= 0 && c.pertp < mesh.pertp());
      EXPECT_TRUE(c.cp >= 0 && c.cp < mesh.cp());
      EXPECT_TRUE(c.tp >= 0 && c.tp < mesh.tp());
      EXPECT_EQ(mesh.RankOf(c), rank) << mesh.ToString();
      seen.insert({c.pp, c.dp, c.pertp, c.cp, c.tp});
    }
    EXPECT_EQ(static_cast<int>(seen.size()), mesh.ranks());
  }
}

TEST(TopologyTest, TensorRanksAreNeighboursAndStagesFarthestApart) {
  const auto mesh = Topology::Create(Degrees(2, 3, 1, 2), 12);
  ASSERT_TRUE(mesh.ok());
  EXPECT_THAT(mesh->GroupOf(5, {Axis::kTensor}), ElementsAre(4, 5));
  EXPECT_THAT(mesh->GroupOf(5, {Axis::kData}), ElementsAre(1, 3, 5));
  EXPECT_THAT(mesh->GroupOf(5, {Axis::kPipeline}), ElementsAre(5, 11));
  EXPECT_THAT(mesh->GroupOf(5, {Axis::kTensor, Axis::kPipeline}),
              ElementsAre(4, 5, 10, 11));
  for (const Topology& any : AllMeshes()) {
    for (int rank = 0; rank < any.ranks(); ++rank) {
      const std::vector<int> group = any.GroupOf(rank, {Axis::kTensor});
      EXPECT_EQ(group.back() - group.front() + 1, any.tp()) << any.ToString();
    }
  }
}

TEST(TopologyTest, GroupsPartitionTheWorld) {
  for (const Topology& mesh : AllMeshes()) {
    for (const std::vector<Axis>& axes : AllAxisSubsets()) {
      int expected_size = 1;
      for (const Axis axis : axes) expected_size *= mesh.degree(axis);
      std::set<int> indices;
      for (int rank = 0; rank < mesh.ranks(); ++rank) {
        const std::vector<int> group = mesh.GroupOf(rank, axes);
        ASSERT_EQ(static_cast<int>(group.size()), expected_size);
        ASSERT_TRUE(std::is_sorted(group.begin(), group.end()));
        ASSERT_EQ(std::count(group.begin(), group.end(), rank), 1);
        const int index = mesh.GroupIndex(rank, axes);
        indices.insert(index);
        // Equal for the members, different for everybody else.
        for (int other = 0; other < mesh.ranks(); ++other) {
          const bool member = std::count(group.begin(), group.end(), other) > 0;
          ASSERT_EQ(mesh.GroupIndex(other, axes) == index, member)
              << mesh.ToString() << " ranks " << rank << ", " << other;
        }
      }
      EXPECT_EQ(static_cast<int>(indices.size()), mesh.ranks() / expected_size);
      EXPECT_EQ(*indices.rbegin(), mesh.ranks() / expected_size - 1);
    }
  }
}

TEST(TopologyTest, DataTakesTheRanksThatAreLeft) {
  const auto mesh = Topology::Create(Degrees(2, 0, 1, 2), 12);
  ASSERT_TRUE(mesh.ok());
  EXPECT_EQ(mesh->dp(), 3);
  EXPECT_EQ(mesh->ToString(), "pp 2 x dp 3 x tp 2");
  const auto alone = Topology::Create(TopologyConfig(), 1);
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(*alone, Topology());
  EXPECT_EQ(alone->ToString(), "pp 1 x dp 1 x tp 1");
  const auto probes = Topology::Create(Degrees(1, 0, 4, 1), 8);
  ASSERT_TRUE(probes.ok());
  EXPECT_EQ(probes->ToString(), "pp 1 x dp 2 x pertp 4 x tp 1");
}

TEST(TopologyTest, DegreesThatDoNotDivideTheRanksAreSpelledOut) {
  const absl::Status status = Topology::Create(Degrees(2, 0, 1, 3), 4).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              HasSubstr("pp 2 x tp 3 = 6 does not divide the 4 ranks that "
                        "mpirun started"));
  EXPECT_THAT(status.message(), HasSubstr("start 6 ranks (dp 1)"));
  EXPECT_THAT(status.message(), Not(HasSubstr("linked")));
}

TEST(TopologyTest, AProductOtherThanTheRanksIsSpelledOut) {
  const absl::Status status = Topology::Create(Degrees(1, 2, 1, 2), 6).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              HasSubstr("dp 2 x tp 2 = 4 is not the 6 ranks"));
  EXPECT_THAT(status.message(), HasSubstr("mpirun -n 4"));
  EXPECT_THAT(status.message(), HasSubstr("a multiple of 2"));
}

TEST(TopologyTest, OneRankWhereManyWereAskedNamesTheForeignMpirun) {
  for (const int dp : {0, 2}) {
    const absl::Status status =
        Topology::Create(Degrees(2, dp, 1, 1), 1).status();
    EXPECT_THAT(status.message(), HasSubstr("1 rank that mpirun started"));
    EXPECT_THAT(status.message(), HasSubstr("is linked with"));
  }
}

TEST(TopologyTest, DegreesBelowOneAndOverflowingProductsAreRefused) {
  EXPECT_THAT(Topology::Create(Degrees(1, 0, 1, 0), 4).status().message(),
              HasSubstr("topology.tp: 0"));
  EXPECT_THAT(Topology::Create(Degrees(-2, 0, 1, 1), 4).status().message(),
              HasSubstr("topology.pp: -2"));
  TopologyConfig zero_replicas;
  zero_replicas.set_dp(0);
  EXPECT_THAT(Topology::Create(zero_replicas, 4).status().message(),
              HasSubstr("topology.dp: 0"));
  EXPECT_FALSE(Topology::Create(Degrees(32768, 32768, 4, 1), 0).ok());
  EXPECT_FALSE(Topology::Create(Degrees(32768, 32768, 4, 1), 1).ok());
  EXPECT_FALSE(Topology::Create(TopologyConfig(), 0).ok());
}

TEST(EvenPartTest, PartsAreAdjacentCompleteAndLongerFirst) {
  for (int64_t n = 0; n <= 20; ++n) {
    for (int parts = 1; parts <= 8; ++parts) {
      int64_t end = 0;
      int64_t last_size = n;
      for (int i = 0; i < parts; ++i) {
        const Range part = EvenPart(n, parts, i);
        EXPECT_EQ(part.begin, end);
        EXPECT_LE(part.size(), last_size);
        EXPECT_TRUE(part.size() == n / parts || part.size() == n / parts + 1);
        end = part.end;
        last_size = part.size();
      }
      EXPECT_EQ(end, n);
    }
  }
  EXPECT_EQ(EvenPart(65, 4, 0), (Range{0, 17}));
  EXPECT_EQ(EvenPart(65, 4, 3), (Range{49, 65}));
}

TEST(IntersectTest, MissingRangesGiveAnEmptyOne) {
  EXPECT_EQ(Intersect({0, 10}, {5, 20}), (Range{5, 10}));
  EXPECT_EQ(Intersect({5, 20}, {0, 10}), (Range{5, 10}));
  EXPECT_EQ(Intersect({0, 10}, {2, 3}), (Range{2, 3}));
  EXPECT_EQ(Intersect({0, 5}, {5, 9}).size(), 0);
  EXPECT_EQ(Intersect({0, 2}, {5, 9}).size(), 0);
  EXPECT_EQ(Intersect({5, 9}, {0, 2}).size(), 0);
}

}  // namespace
}  // namespace perdure
