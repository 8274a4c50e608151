// Conversions that are killed half way go on, with the same result.

#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/convert/convert.h"
#include "checkpoint/convert/done_list.h"
#include "checkpoint/snapshot/snapshot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/convert/hf_directory.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

class ResumeTest : public testing::Test {
 protected:
  ResumeTest() {
    options_.source = GoldenPath("convert/nanogpt.pt");
    options_.target = At("out");
  }
  std::string At(const std::string& name) const {
    return JoinPath(scratch_.path(), name);
  }

  // In a process of its own that ends without warning when a part is written.
  void KillAt(double part) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto report = Convert(options_, [&](uint64_t done, uint64_t total) {
        if (static_cast<double>(done) >= part * static_cast<double>(total))
          _exit(9);
      });
      _exit(report.ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 9) << status;
    ASSERT_FALSE(FileExists(options_.target));
  }

  ConvertReport Finish() {
    const auto report = Convert(options_, {});
    EXPECT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(ReadHfTensors(At("out/model.safetensors")) ==
                ReadHfTensors(GoldenPath("convert/gpt2/model.safetensors")));
    // Nothing but the result is left.
    EXPECT_THAT(*ListDirectory(scratch_.path()), testing::ElementsAre("out"));
    return report.value_or(ConvertReport{});
  }

  const ScratchDirectory scratch_;
  ConvertOptions options_;
};

TEST_F(ResumeTest, ASnapshotGoesOn) {
  KillAt(0.5);
  const ConvertReport report = Finish();
  EXPECT_GT(report.resumed, 0u);
  EXPECT_LT(report.resumed, report.tensors);
  EXPECT_TRUE((*Snapshot::Open(At("out")))->Verify({}).ok());
}

TEST_F(ResumeTest, SeveralInterruptionsAddUp) {
  options_.to = "hf";
  KillAt(0.3);
  KillAt(0.8);
  const ConvertReport report = Finish();
  EXPECT_GT(report.resumed, report.tensors / 2);
}

TEST_F(ResumeTest, ATensorThatWasDamagedMeanwhileIsWrittenAgain) {
  KillAt(0.8);
  const std::string path = At(".out.tmp/model.safetensors");
  auto file = File::Open(path, File::Mode::kReadWrite);
  ASSERT_TRUE(file.ok()) << file.status();
  const HfTensors before = ReadHfTensors(path);
  const std::string& bytes = before.at("transformer.wpe.weight").bytes;
  const size_t place = (*ReadFile(path)).find(bytes.substr(0, 64));
  ASSERT_NE(place, std::string::npos);
  ASSERT_TRUE(file->WriteAt(place + 3, "\x55", 1).ok());
  Finish();
}

TEST_F(ResumeTest, AnotherConversionDoesNotContinueThisOne) {
  KillAt(0.5);
  options_.to = "hf";
  EXPECT_EQ(Finish().resumed, 0u);
}

TEST_F(ResumeTest, ATornListIsReadUpToTheTear) {
  KillAt(0.5);
  const std::string list = At(".out.tmp.done");
  std::string text = *ReadFile(list);
  text.resize(text.size() - 7);
  ASSERT_TRUE(WriteFileAtomically(list, text).ok());
  EXPECT_GT(Finish().resumed, 0u);
}

}  // namespace
}  // namespace perdure
