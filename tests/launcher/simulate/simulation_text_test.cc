#include "launcher/simulate/simulation_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/file.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

std::string Problem(const std::vector<std::string>& words) {
  return std::string(ReadSimulation(words).status().message());
}

TEST(SimulationTextTest, WordsChangeWhatTheFileSays) {
  const ScratchDirectory scratch;
  const std::string path = JoinPath(scratch.path(), "a.textproto");
  ASSERT_TRUE(WriteFileAtomically(path, "nodes: 5\ndays: 2\n").ok());
  const auto simulation = ReadSimulation({path, "nodes=7", "journal=true"});
  ASSERT_TRUE(simulation.ok()) << simulation.status();
  EXPECT_EQ(simulation->nodes(), 7);
  EXPECT_EQ(simulation->days(), 2);
  EXPECT_TRUE(simulation->journal());
}

TEST(SimulationTextTest, MistakesAreNamed) {
  EXPECT_THAT(Problem({"node=7"}),
              HasSubstr("no 'node', did you mean 'nodes'"));
  EXPECT_THAT(Problem({"nodes=many"}), HasSubstr("nodes: 'many' is no int32"));
  EXPECT_THAT(Problem({"nodes=0"}), HasSubstr("nodes = 0 is not within 1"));
  EXPECT_THAT(Problem({"host_share=1.5"}), HasSubstr("host_share"));
  EXPECT_THAT(Problem({"nodes=2", "ranks_per_node=4", "min=9"}),
              HasSubstr("min = 9 is not within 0 and 8"));
  EXPECT_TRUE(absl::IsNotFound(ReadSimulation({"/no/such"}).status()));
  const ScratchDirectory scratch;
  const std::string path = JoinPath(scratch.path(), "a.textproto");
  ASSERT_TRUE(WriteFileAtomically(path, "nodes: 5\nday: 2\n").ok());
  EXPECT_THAT(Problem({path}), HasSubstr("a.textproto:2: "));
}

}  // namespace
}  // namespace perdure
