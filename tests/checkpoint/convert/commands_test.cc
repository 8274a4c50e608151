#include "checkpoint/convert/commands.h"

#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class CommandsTest : public testing::Test {
 protected:
  CommandsTest()
      : golden_(absl::StrCat(PERDURE_SOURCE_DIR, "/tests/goldens/gpt2_tied")),
        step_(JoinPath(scratch_.path(), "snapshots/step-000000000")) {}

  absl::Status Run(const std::vector<std::string>& arguments) {
    out_.str("");
    return RunCheckpointCommand(arguments, out_, nullptr);
  }
  void ExpectWrong(const std::vector<std::string>& arguments,
                   const std::string& why) {
    const absl::Status status = Run(arguments);
    EXPECT_EQ(ExitCode(status), 2);
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  }

  const ScratchDirectory scratch_;
  const std::string golden_;
  const std::string step_;
  std::ostringstream out_;
};

TEST_F(CommandsTest, WrongCommandLinesSayWhatIsRight) {
  ExpectWrong({}, "a verb is missing");
  ExpectWrong({"verfy", "x"}, "did you mean 'verify'");
  ExpectWrong({"verify"}, "verify takes 1 directory, 0 given");
  ExpectWrong({"import", "a"}, "import takes 2 directories, 1 given");
  ExpectWrong({"inspect", "a", "b"}, "inspect takes 1 directory, 2 given");
}

TEST_F(CommandsTest, ASnapshotIsImportedVerifiedInspectedAndExported) {
  ASSERT_TRUE(Run({"import", golden_, step_}).ok());
  EXPECT_THAT(out_.str(), HasSubstr("imported"));
  for (const std::string& dir : {step_, scratch_.path()}) {
    ASSERT_TRUE(Run({"verify", dir}).ok());
    EXPECT_THAT(out_.str(), HasSubstr("step-000000000: good"));
    ASSERT_TRUE(Run({"inspect", dir}).ok());
    EXPECT_THAT(out_.str(), HasSubstr("step-000000000"));
  }
  ASSERT_TRUE(Run({"export", step_, JoinPath(scratch_.path(), "hf")}).ok());
  EXPECT_TRUE(FileExists(JoinPath(scratch_.path(), "hf/model.safetensors")));
}

TEST_F(CommandsTest, DamageIsReportedForEachSnapshotAndEndsWithSeven) {
  ASSERT_TRUE(Run({"import", golden_, step_}).ok());
  const std::string next =
      JoinPath(scratch_.path(), "snapshots/step-000000001");
  ASSERT_TRUE(Run({"import", golden_, next}).ok());
  ASSERT_TRUE(RemoveTree(JoinPath(next, "config.json")).ok());
  EXPECT_EQ(ExitCode(Run({"verify", scratch_.path()})), 7);
  EXPECT_THAT(out_.str(), HasSubstr("step-000000000: good"));
  EXPECT_THAT(out_.str(), HasSubstr("step-000000001: DAMAGED"));
  EXPECT_TRUE(Run({"inspect", scratch_.path()}).ok());
  EXPECT_THAT(out_.str(), HasSubstr("step-000000001: DAMAGED"));
}

TEST_F(CommandsTest, MissingDirectoriesEndWithThree) {
  EXPECT_EQ(ExitCode(Run({"verify", scratch_.path() + "/nowhere"})), 3);
  EXPECT_EQ(ExitCode(Run({"inspect", scratch_.path() + "/nowhere"})), 3);
  EXPECT_EQ(ExitCode(Run({"import", scratch_.path() + "/nowhere", step_})), 3);
}

}  // namespace
}  // namespace perdure
