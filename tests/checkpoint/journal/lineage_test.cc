// Which generations' steps and snapshots are the run.

#include "checkpoint/journal/lineage.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

struct Log {
  int64_t generation, parent, fork_step;
  uint64_t fork_bytes;
};

absl::StatusOr<Lineage> Of(const std::vector<Log>& logs) {
  std::vector<JournalHeader> headers;
  for (const Log& log : logs) {
    JournalHeader header;
    header.set_run_id("run");
    header.set_generation(log.generation);
    header.set_parent_generation(log.parent);
    header.set_fork_step(log.fork_step);
    header.set_fork_bytes(log.fork_bytes);
    header.set_fork_checksum(log.fork_bytes + 1);
    headers.push_back(header);
  }
  return Lineage::Of(headers);
}

struct Expectation {
  int64_t generation, step;
  bool allowed;
};

struct Case {
  const char* name;
  std::vector<Log> logs;
  std::vector<int64_t> generations;  // of the lineage, newest first
  std::vector<Expectation> snapshots;
};

class LineageTest : public testing::TestWithParam<Case> {};

TEST_P(LineageTest, CountsTheRightPartsOfTheRightGenerations) {
  const absl::StatusOr<Lineage> lineage = Of(GetParam().logs);
  ASSERT_TRUE(lineage.ok()) << lineage.status();
  std::vector<int64_t> generations;
  for (const LineageLink& link : lineage->links()) {
    generations.push_back(link.generation);
  }
  EXPECT_EQ(generations, GetParam().generations);
  for (const Expectation& snapshot : GetParam().snapshots) {
    EXPECT_EQ(lineage->Allows(snapshot.generation, snapshot.step),
              snapshot.allowed)
        << "generation " << snapshot.generation << " step " << snapshot.step;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LineageTest,
    testing::Values(
        Case{"NoLogs", {}, {}, {{1, 10, true}, {7, 3, true}}},
        Case{"OneGeneration",
             {{1, 0, 0, 0}},
             {1},
             {{1, 0, true}, {1, 1000, true}, {2, 10, false}, {0, 0, true}}},
        // 1 did 25 steps, 2 went on from the snapshot at 20, 1 is a zombie.
        Case{"ZombieOfTheParent",
             {{1, 0, 0, 0}, {2, 1, 20, 500}},
             {2, 1},
             {{1, 10, true},
              {1, 20, true},
              {1, 30, false},
              {2, 30, true},
              {2, 10, false}}},
        // 2 and 3 both went on from 1; 3 is the newest: nothing of 2 counts.
        Case{"TwoChildren",
             {{1, 0, 0, 0}, {2, 1, 20, 500}, {3, 1, 10, 300}},
             {3, 1},
             {{1, 10, true},
              {1, 20, false},
              {2, 20, false},
              {2, 30, false},
              {3, 40, true}}},
        // 3 forked from 2 before 2's own fork: what 1 did up to there counts.
        Case{"ChainOfThree",
             {{3, 2, 40, 90}, {2, 1, 20, 500}, {1, 0, 0, 0}},
             {3, 2, 1},
             {{1, 20, true},
              {1, 21, false},
              {2, 20, true},
              {2, 40, true},
              {2, 50, false},
              {3, 50, true}}},
        // The run is older than its journal.
        Case{"ParentWithoutALog",
             {{4, 3, 60, 0}},
             {4},
             {{3, 60, true},
              {2, 20, true},
              {1, 5, true},
              {3, 70, false},
              {4, 70, true}}},
        Case{"NumbersLeftOutByTornHeaders",
             {{1, 0, 0, 0}, {5, 1, 8, 77}},
             {5, 1},
             {{1, 8, true}, {1, 9, false}, {3, 9, false}, {5, 9, true}}}),
    [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

TEST(LineageLinksTest, AParentsBytesCountUpToTheFork) {
  const auto lineage = Of({{1, 0, 0, 0}, {2, 1, 20, 500}});
  ASSERT_TRUE(lineage.ok());
  EXPECT_EQ(lineage->links()[0].bytes, kNoBytes);
  EXPECT_EQ(lineage->links()[1].bytes, 500u);
  EXPECT_EQ(lineage->links()[1].checksum, 501u);
  EXPECT_EQ(lineage->links()[1].last_step, 20);
}

TEST(LineageLinksTest, TheNewestGenerationThatHasAStepIsItsLink) {
  const auto lineage = Of({{1, 0, 0, 0}, {2, 1, 20, 500}, {3, 2, 40, 90}});
  ASSERT_TRUE(lineage.ok());
  EXPECT_EQ(lineage->LinkOf(100)->generation, 3);
  EXPECT_EQ(lineage->LinkOf(40)->generation, 3);
  EXPECT_EQ(lineage->LinkOf(39)->generation, 2);
  EXPECT_EQ(lineage->LinkOf(0)->generation, 1);
  const auto late = Of({{4, 3, 60, 0}});
  EXPECT_EQ(late->LinkOf(59), nullptr);
}

TEST(LineageLinksTest, AnAncestorOfAnotherRunIsDataLoss) {
  JournalHeader first, second;
  first.set_run_id("other");
  first.set_generation(1);
  second.set_run_id("run");
  second.set_generation(2);
  second.set_parent_generation(1);
  const absl::Status status = Lineage::Of({first, second}).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("gen-1.log is of run other"));
}

}  // namespace
}  // namespace perdure
