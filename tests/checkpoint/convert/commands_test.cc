#include "checkpoint/convert/commands.h"

#include <cmath>
#include <cstring>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/convert/hf_directory.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class CommandsTest : public testing::Test {
 protected:
  CommandsTest()
      : golden_(absl::StrCat(PERDURE_SOURCE_DIR, "/tests/goldens/gpt2_tied")),
        step_(JoinPath(scratch_.path(), "snapshots/step-000000000")) {}

  absl::Status Run(const std::vector<std::string>& arguments,
                   const CheckpointFlags& flags = {}) {
    out_.str("");
    const auto code = RunCheckpointCommand(arguments, flags, {out_, nullptr});
    code_ = code.value_or(-1);
    return code.status();
  }
  std::string At(const std::string& name) const {
    return JoinPath(scratch_.path(), name);
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
  int code_ = 0;
};

TEST_F(CommandsTest, WrongCommandLinesSayWhatIsRight) {
  ExpectWrong({},
              "a verb is missing: convert, import, export, rules, inspect, "
              "verify, diff, prune, du, replay");
  ExpectWrong({"verfy", "x"}, "did you mean 'verify'");
  ExpectWrong({"verify"}, "verify takes one directory, 0 given");
  ExpectWrong({"import", "a"}, "import takes two directories, 1 given");
  ExpectWrong({"inspect", "a", "b"}, "inspect takes one path, 2 given");
}

TEST_F(CommandsTest, ASnapshotIsImportedVerifiedInspectedAndExported) {
  ASSERT_TRUE(Run({"import", golden_, step_}).ok());
  EXPECT_THAT(out_.str(), HasSubstr("hf to perdure"));
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

TEST_F(CommandsTest, FlagsOfOtherVerbsAreRefused) {
  CheckpointFlags flags;
  flags.given = {"tolerance"};
  const absl::Status status = Run({"verify", golden_}, flags);
  EXPECT_EQ(ExitCode(status), 2);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("--tolerance is not for verify"));
}

TEST_F(CommandsTest, EveryVerbHasAPageOfHelp) {
  for (const char* verb : {"convert", "import", "export", "rules", "inspect",
                           "verify", "diff", "prune", "du"}) {
    EXPECT_THAT(CheckpointHelp(verb),
                testing::StartsWith(absl::StrCat("perdure-ckpt ", verb)));
    EXPECT_THAT(CheckpointHelp(""), HasSubstr(verb));
  }
}

TEST_F(CommandsTest, RulesAreListedAndPrinted) {
  ASSERT_TRUE(Run({"rules"}).ok());
  EXPECT_THAT(out_.str(), HasSubstr("megatron-llama"));
  ASSERT_TRUE(Run({"rules", "llmc"}).ok());
  EXPECT_THAT(out_.str(), HasSubstr("over { capture: \"layer\""));
  EXPECT_THAT(std::string(Run({"rules", "lmc"}).message()),
              HasSubstr("did you mean 'llmc'"));
}

TEST_F(CommandsTest, EqualCheckpointsDoNotDiffer) {
  ASSERT_TRUE(Run({"import", golden_, step_}).ok());
  ASSERT_TRUE(Run({"diff", scratch_.path(), golden_}).ok());
  EXPECT_EQ(code_, 0);
  EXPECT_THAT(out_.str(), HasSubstr(" 0 differences"));
}

TEST_F(CommandsTest, ADifferenceIsPlacedAndMeasuredAndEndsWithOne) {
  HfTensors tensors = ReadHfTensors(JoinPath(golden_, "model.safetensors"));
  std::string& bytes = tensors["transformer.wpe.weight"].bytes;
  float value = 0;  // element [2, 5] of 24 columns
  std::memcpy(&value, &bytes[4 * 53], 4);
  const float changed = value + 0.5f;
  std::memcpy(&bytes[4 * 53], &changed, 4);
  CopyHfDirectory(golden_, At("other"), tensors);
  ASSERT_TRUE(Run({"diff", golden_, At("other")}).ok());
  EXPECT_EQ(code_, 1);
  EXPECT_THAT(out_.str(),
              HasSubstr("weight transformer.wpe.weight: 1 of 768 elements "
                        "differ, first [2, 5]; max |a - b| 0.5"));
  CheckpointFlags flags;
  flags.tolerance = 0.6;
  ASSERT_TRUE(Run({"diff", golden_, At("other")}, flags).ok());
  EXPECT_EQ(code_, 0);
  flags.tolerance = 0.4;
  ASSERT_TRUE(Run({"diff", golden_, At("other")}, flags).ok());
  EXPECT_EQ(code_, 1);
}

TEST_F(CommandsTest, ANaNOnOneSideIsADifferenceForAnyTolerance) {
  HfTensors tensors = ReadHfTensors(JoinPath(golden_, "model.safetensors"));
  const float nan = NAN;
  std::memcpy(tensors["transformer.wpe.weight"].bytes.data(), &nan, 4);
  CopyHfDirectory(golden_, At("other"), tensors);
  CheckpointFlags flags;
  flags.tolerance = 1e30;
  ASSERT_TRUE(Run({"diff", golden_, At("other")}, flags).ok());
  EXPECT_EQ(code_, 1);
  EXPECT_THAT(out_.str(), HasSubstr("|a - b| inf"));
  flags = {};
  flags.stats = true;
  ASSERT_TRUE(Run({"inspect", At("other")}, flags).ok());
  EXPECT_THAT(out_.str(),
              testing::ContainsRegex("weight .* 1  transformer.wpe.weight"));
}

TEST_F(CommandsTest, PruneKeepsTheNewestAndEveryMth) {
  for (const char* step : {"000000010", "000000020", "000000030"}) {
    ASSERT_TRUE(
        Run({"import", golden_, At(absl::StrCat("snapshots/step-", step))})
            .ok());
  }
  ExpectWrong({"prune", scratch_.path()}, "prune needs --keep_last");
  CheckpointFlags flags;
  flags.keep_last = 1;
  flags.keep_every = 20;
  flags.dry_run = true;
  ASSERT_TRUE(Run({"prune", scratch_.path()}, flags).ok());
  EXPECT_THAT(out_.str(), HasSubstr("would remove step-000000010"));
  EXPECT_TRUE(FileExists(At("snapshots/step-000000010")));
  flags.dry_run = false;
  ASSERT_TRUE(Run({"prune", scratch_.path()}, flags).ok());
  EXPECT_THAT(*ListDirectory(At("snapshots")),
              testing::ElementsAre("step-000000020", "step-000000030"));
}

TEST_F(CommandsTest, NothingIsPrunedBehindADamagedSnapshot) {
  for (const char* step : {"000000010", "000000020"}) {
    ASSERT_TRUE(
        Run({"import", golden_, At(absl::StrCat("snapshots/step-", step))})
            .ok());
  }
  auto file = File::Open(At("snapshots/step-000000020/model.safetensors"),
                         File::Mode::kReadWrite);
  ASSERT_TRUE(file->WriteAt(*file->Size() - 9, "\x55", 1).ok());
  CheckpointFlags flags;
  flags.keep_last = 1;
  EXPECT_EQ(ExitCode(Run({"prune", scratch_.path()}, flags)), 7);
  EXPECT_TRUE(FileExists(At("snapshots/step-000000010")));
}

TEST_F(CommandsTest, DuTellsWeightsFromTheRest) {
  ASSERT_TRUE(Run({"import", golden_, step_}).ok());
  ASSERT_TRUE(CreateDirectories(At("journal")).ok());
  ASSERT_TRUE(
      WriteFileAtomically(At("journal/gen-1.log"), std::string(2048, 'x'))
          .ok());
  ASSERT_TRUE(Run({"du", scratch_.path()}).ok());
  EXPECT_THAT(out_.str(),
              testing::ContainsRegex("step-000000000 +[0-9.]+ KiB +0 B"));
  EXPECT_THAT(out_.str(), testing::ContainsRegex("journal .* 2.00 KiB"));
  EXPECT_EQ(ExitCode(Run({"du", At("journal")})), 3);
}

}  // namespace
}  // namespace perdure
