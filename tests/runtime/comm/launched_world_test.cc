#include <gtest/gtest.h>

#include <map>

#include "runtime/comm/backends.h"

namespace perdure {
namespace {

int SizeWith(const std::map<std::string, std::string>& environment) {
  return LaunchedWorldSize([&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(LaunchedWorldTest, WithoutALauncherThereIsOneRank) {
  EXPECT_EQ(SizeWith({}), 1);
}

TEST(LaunchedWorldTest, EveryLauncherIsUnderstood) {
  EXPECT_EQ(SizeWith({{"OMPI_COMM_WORLD_SIZE", "4"}}), 4);
  EXPECT_EQ(SizeWith({{"PMI_SIZE", "3"}}), 3);
  EXPECT_EQ(SizeWith({{"MV2_COMM_WORLD_SIZE", "6"}}), 6);
  EXPECT_EQ(SizeWith({{"SLURM_STEP_NUM_TASKS", "8"}}), 8);
}

TEST(LaunchedWorldTest, MpirunInsideASlurmStepCounts) {
  EXPECT_EQ(
      SizeWith({{"OMPI_COMM_WORLD_SIZE", "4"}, {"SLURM_STEP_NUM_TASKS", "2"}}),
      4);
}

TEST(LaunchedWorldTest, ABatchScriptIsNoRank) {
  EXPECT_EQ(SizeWith({{"SLURM_NTASKS", "16"}}), 1);
}

TEST(LaunchedWorldTest, NonsenseIsPassedOver) {
  EXPECT_EQ(SizeWith({{"OMPI_COMM_WORLD_SIZE", "many"}, {"PMI_SIZE", "2"}}), 2);
  EXPECT_EQ(SizeWith({{"PMI_SIZE", "-2"}}), 1);
  EXPECT_EQ(SizeWith({{"PMI_SIZE", ""}}), 1);
}

}  // namespace
}  // namespace perdure
