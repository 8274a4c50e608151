#include "launcher/control/launch_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace perdure {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LaunchEnvironmentTest : public ::testing::Test {
 protected:
  LaunchEnvironmentTest() {
    const LaunchEnvironment environment{
        "10.0.0.1:77", *JobKey::Random(), 3, 0.25, 4, true};
    for (const auto& [name, value] : LaunchVariables(environment)) {
      variables_[name] = value;
    }
  }
  auto Read() {
    return ReadLaunchEnvironment([this](const char* name) -> const char* {
      const auto found = variables_.find(name);
      return found == variables_.end() ? nullptr : found->second.c_str();
    });
  }
  std::map<std::string, std::string> variables_;
};

TEST_F(LaunchEnvironmentTest, WhatIsWrittenIsRead) {
  const auto read = Read();
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_TRUE(read->has_value());
  EXPECT_EQ((*read)->address, "10.0.0.1:77");
  EXPECT_EQ((*read)->generation, 3);
  EXPECT_EQ((*read)->beat_seconds, 0.25);
  EXPECT_EQ((*read)->lease_seconds, 4);
  EXPECT_TRUE((*read)->one_per_node);
  EXPECT_EQ((*read)->key.ToHex(), variables_["PERDURE_LAUNCH_KEY"]);
}

TEST_F(LaunchEnvironmentTest, WithoutAnAddressNobodyWatches) {
  variables_.erase("PERDURE_LAUNCH_ADDRESS");
  const auto read = Read();
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->has_value());
}

TEST_F(LaunchEnvironmentTest, WrongValuesAreNamedButNotTheKey) {
  variables_["PERDURE_LAUNCH_GENERATION"] = "zero";
  EXPECT_THAT(std::string(Read().status().message()),
              HasSubstr("PERDURE_LAUNCH_GENERATION='zero'"));
  variables_["PERDURE_LAUNCH_KEY"] = "secret";
  EXPECT_THAT(std::string(Read().status().message()), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace perdure
