#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/convert/hf_directory.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class ModelSourceTest : public testing::Test {
 protected:
  ModelSourceTest() : run_(scratch_.path()) {}

  std::string Step(int64_t step) const {
    return JoinPath(JoinPath(run_, kSnapshotsDirectory), SnapshotName(step));
  }
  void Import(const std::string& model, int64_t step) {
    const absl::Status status =
        ImportHuggingFace(GoldenPath(model), Step(step));
    ASSERT_TRUE(status.ok()) << status;
  }

  const ScratchDirectory scratch_;
  const std::string run_;
};

TEST_F(ModelSourceTest, AHuggingFaceDirectoryIsASource) {
  auto source = OpenModelSource(GoldenPath("llama_tied"));
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_FALSE(source->is_snapshot);
  EXPECT_EQ(source->directory, GoldenPath("llama_tied"));
  EXPECT_EQ(source->model.family(), "llama");
}

TEST_F(ModelSourceTest, ASnapshotIsASource) {
  Import("opt_tied", 0);
  auto source = OpenModelSource(Step(0));
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_TRUE(source->is_snapshot);
  EXPECT_EQ(source->directory, Step(0));
  ExpectWeights(
      ReadHfTensors(JoinPath(GoldenPath("opt_tied"), "model.safetensors")),
      *source->source);
}

TEST_F(ModelSourceTest, ARunDirectoryIsItsNewestGoodSnapshot) {
  Import("opt_tied", 1);
  Import("gpt2_tied", 2);
  Import("llama_tied", 3);
  ASSERT_TRUE(RemoveTree(JoinPath(Step(3), kManifestName)).ok());
  auto source = OpenModelSource(run_);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->model.family(), "gpt2");
  EXPECT_EQ(source->directory, Step(2));
}

TEST_F(ModelSourceTest, AnUnfinishedSnapshotIsNotTakenForAModelDirectory) {
  Import("opt_tied", 1);
  ASSERT_TRUE(RemoveTree(JoinPath(Step(1), kManifestName)).ok());
  EXPECT_EQ(OpenModelSource(Step(1)).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(OpenModelSource(Step(1) + "/").status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ModelSourceTest, NothingKnownSaysWhatWasLookedFor) {
  for (const std::string& path : {run_, JoinPath(run_, "nowhere")}) {
    const absl::Status status = OpenModelSource(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    for (const char* name : {"MANIFEST.pb", "snapshots/step-*", "config.json",
                             "model.safetensors"}) {
      EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    }
  }
}

}  // namespace
}  // namespace perdure
