#include "launcher/supervisor/run_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace perdure {
namespace {

using ::testing::HasSubstr;

TEST(RunProgramTest, WhatItPrinted) {
  EXPECT_EQ(*RunProgram({"sh", "-c", "echo one; echo $X; echo no >&2"},
                        {{"X", "two"}}, 10),
            "one\ntwo\n");
}

TEST(RunProgramTest, MoreThanAPipeHolds) {
  EXPECT_EQ(RunProgram({"sh", "-c", "yes | head -c 1000000"}, {}, 10)->size(),
            1000000u);
}

TEST(RunProgramTest, FailureSaysTheLastOfItsErrors) {
  const absl::Status status =
      RunProgram({"sh", "-c", "echo a >&2; echo b >&2; exit 3"}, {}, 10)
          .status();
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("exit code 3: b"));
}

TEST(RunProgramTest, TooSlow) {
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(RunProgram({"sleep", "60"}, {}, 0.1).status()));
}

TEST(RunProgramTest, NoSuchProgram) {
  EXPECT_TRUE(
      absl::IsNotFound(RunProgram({"/no/such/program"}, {}, 1).status()));
}

}  // namespace
}  // namespace perdure
