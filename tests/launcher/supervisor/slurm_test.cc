#include "launcher/supervisor/slurm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "launcher/supervisor/host_access.h"

namespace perdure {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SlurmTest, OutsideOfAJobThereIsNone) {
  EXPECT_FALSE(
      ReadSlurmJob([](const char*) -> const char* { return nullptr; }));
}

TEST(SlurmTest, BatchScriptKnowsItsJob) {
  const std::map<std::string, std::string> variables = {
      {"SLURM_JOB_ID", "7"},
      {"SLURM_JOB_NODELIST", "n[1-3]"},
      {"SLURM_TASKS_PER_NODE", "2(x3)"},
      {"SLURMD_NODENAME", "n1"}};
  const auto job = ReadSlurmJob([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
  ASSERT_TRUE(job.has_value());
  EXPECT_EQ(job->id, "7");
  EXPECT_EQ(job->nodes, "n[1-3]");
  EXPECT_EQ(job->this_node, "n1");
}

TEST(SlurmTest, TasksPerNodeAsSlurmWritesThem) {
  EXPECT_THAT(*ParseTasksPerNode("4"), ElementsAre(4));
  EXPECT_THAT(*ParseTasksPerNode("2(x3),1"), ElementsAre(2, 2, 2, 1));
  for (const char* bad : {"", "x", "2(x", "2(x0)", "0", "2(3)", "2,,1"}) {
    EXPECT_THAT(std::string(ParseTasksPerNode(bad).status().message()),
                HasSubstr("SLURM_TASKS_PER_NODE"))
        << bad;
  }
}

TEST(SlurmTest, JobWithoutTasksPerNodeIsToldWhatToDo) {
  EXPECT_THAT(
      std::string(SlurmHosts({"7", "n[1-2]", "", "n1"}).status().message()),
      HasSubstr("--ntasks-per-node"));
}

TEST(HostAccessTest, AgentThenSlurmThenSsh) {
  EXPECT_THAT(RemoteCommand({"/agent", true}, "a", 3, {"true"}),
              ElementsAre("/agent", "a", "true"));
  EXPECT_THAT(RemoteCommand({"", true}, "a", 3, {"true"}),
              ::testing::AllOf(Contains("srun"), Contains("--overlap"),
                               Contains("-wa")));
  EXPECT_THAT(RemoteCommand({}, "a", 3, {"true"}),
              ::testing::AllOf(Contains("ssh"), Contains("ConnectTimeout=4")));
}

}  // namespace
}  // namespace perdure
