// Who is wrong where replicas hold different weights.

#include "parallel/engine/replica_digests.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Topology Mesh(int dp, int pp = 1, int pertp = 1) {
  TopologyConfig config;
  config.set_dp(dp);
  config.set_pp(pp);
  config.set_pertp(pertp);
  return *Topology::Create(config, dp * pp * pertp);
}

// Ranks that hold two tensors, the second with these digests.
std::vector<ReplicaReport> Reports(const std::vector<uint64_t>& digests) {
  std::vector<ReplicaReport> reports;
  for (const uint64_t digest : digests) {
    reports.push_back({absl::StrCat("host", reports.size()),
                       true,
                       {{"a.weight", 1}, {"b.weight", digest}}});
  }
  return reports;
}

TEST(JudgeReplicasTest, EqualReplicasAreGood) {
  EXPECT_TRUE(JudgeReplicas(Mesh(3), Reports({7, 7, 7}), 8, 4).ok());
}

TEST(JudgeReplicasTest, TheMinorityIsGuiltyAndNamed) {
  const absl::Status status =
      JudgeReplicas(Mesh(3), Reports({7, 255, 7}), 8, 4);
  EXPECT_EQ(ExitCode(status), 8);
  EXPECT_EQ(BlameOf(status), (Blame{{1}, true, 4}));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("after step 8"), HasSubstr("after step 4"),
                    HasSubstr("rank 1 on host1 has b.weight 00000000000000ff, "
                              "not 0000000000000007 as rank 0 on host0"),
                    Not(HasSubstr("a.weight"))));
}

TEST(JudgeReplicasTest, OfTwoBothAreNamedButNeitherIsGuilty) {
  const absl::Status status = JudgeReplicas(Mesh(2), Reports({7, 8}), 8, 4);
  EXPECT_EQ(BlameOf(status), (Blame{{0, 1}, false, 4}));
}

TEST(JudgeReplicasTest, WhoFindsOtherValuesEachTimeIsGuilty) {
  std::vector<ReplicaReport> reports = Reports({7, 8});
  reports[0].steady = false;
  EXPECT_EQ(BlameOf(JudgeReplicas(Mesh(2), reports, 8, 4)),
            (Blame{{0}, true, 4}));
}

// pp 2 x dp 3: ranks 0-2 hold the first stage, 3-5 the second.
TEST(JudgeReplicasTest, OnlyRanksOfOneStageAreCompared) {
  EXPECT_TRUE(
      JudgeReplicas(Mesh(3, 2), Reports({7, 7, 7, 9, 9, 9}), 8, 4).ok());
  EXPECT_EQ(
      BlameOf(JudgeReplicas(Mesh(3, 2), Reports({7, 7, 7, 9, 9, 7}), 8, 4)),
      (Blame{{5}, true, 4}));
}

TEST(JudgeReplicasTest, PerturbationGroupsHoldTheSameWeightsToo) {
  EXPECT_EQ(BlameOf(JudgeReplicas(Mesh(2, 1, 2), Reports({7, 7, 7, 9}), 8, 4)),
            (Blame{{3}, true, 4}));
}

TEST(ReplicaReportTest, SurvivesTheWire) {
  const ReplicaReport report = {
      "host a", false, {{"b weight (master)", ~0ull}}};
  const auto read = DecodeReport(EncodeReport(report));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->host, report.host);
  EXPECT_EQ(read->steady, report.steady);
  EXPECT_EQ(read->tensors, report.tensors);
}

}  // namespace
}  // namespace perdure
