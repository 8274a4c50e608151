#include "runtime/base/status.h"

#include <cerrno>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

TEST(StatusTest, CodesBecomeTheDocumentedExitCodes) {
  EXPECT_EQ(ExitCode(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCode(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCode(absl::NotFoundError("")), 3);
  EXPECT_EQ(ExitCode(absl::FailedPreconditionError("")), 3);
  EXPECT_EQ(ExitCode(absl::ResourceExhaustedError("")), 4);
  EXPECT_EQ(ExitCode(absl::UnavailableError("")), 5);
  EXPECT_EQ(ExitCode(absl::DeadlineExceededError("")), 5);
  EXPECT_EQ(ExitCode(absl::OutOfRangeError("")), 6);
  EXPECT_EQ(ExitCode(absl::DataLossError("")), 7);
  EXPECT_EQ(ExitCode(absl::AbortedError("")), 7);
  EXPECT_EQ(ExitCode(absl::CancelledError("")), 143);
  EXPECT_EQ(ExitCode(absl::InternalError("")), 1);
}

TEST(StatusTest, AnnotateKeepsTheCodeAndLeavesOkAlone) {
  const absl::Status status = Annotate(absl::NotFoundError("x"), "rank 3@a");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "rank 3@a: x");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "y").ok());
}

TEST(StatusTest, NoSpaceTellsWhatToDo) {
  const absl::Status status = ErrnoStatus("write", "/a/b", ENOSPC);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("/a/b"));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("free some"));
}

absl::StatusOr<int> Half(int x) {
  if (x % 2 != 0) return absl::InvalidArgumentError("odd");
  return x / 2;
}
absl::StatusOr<int> Quarter(int x) {
  ASSIGN_OR_RETURN(const int half, Half(x));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

TEST(StatusTest, MacrosReturnTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().message(), "odd");
}

}  // namespace
}  // namespace perdure
