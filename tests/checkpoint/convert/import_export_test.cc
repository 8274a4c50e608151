#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/snapshot/snapshot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/convert/hf_directory.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

class ImportExportTest : public testing::Test {
 protected:
  std::string At(const std::string& name) const {
    return JoinPath(scratch_.path(), name);
  }

  void ExpectRoundTrip(const std::string& from, const std::string& name) {
    const std::string snapshot = At(name + ".snapshot");
    const std::string back = At(name + ".hf");
    const absl::Status imported = ImportHuggingFace(from, snapshot);
    ASSERT_TRUE(imported.ok()) << imported;
    const absl::Status exported = ExportHuggingFace(snapshot, back);
    ASSERT_TRUE(exported.ok()) << exported;
    EXPECT_TRUE(ReadHfTensors(JoinPath(from, "model.safetensors")) ==
                ReadHfTensors(JoinPath(back, "model.safetensors")));
    EXPECT_EQ(*ReadFile(JoinPath(from, "config.json")),
              *ReadFile(JoinPath(back, "config.json")));
    EXPECT_TRUE(OpenWeights(back).ok());
  }

  const ScratchDirectory scratch_;
};

TEST_F(ImportExportTest, EveryFamilyComesBackBitForBit) {
  for (const std::string& model : GoldenModels()) {
    SCOPED_TRACE(model);
    ExpectRoundTrip(GoldenPath(model), model);
  }
}

TEST_F(ImportExportTest, SixteenBitAndMixedWeightsKeepTheirTypes) {
  HfTensors tensors =
      ReadHfTensors(JoinPath(GoldenPath("llama_untied"), "model.safetensors"));
  int i = 0;
  for (auto& [name, tensor] : tensors) {
    if (tensor.shape.size() == 1) continue;  // norms stay fp32
    tensor.dtype = i++ % 2 ? "BF16" : "F16";
    tensor.bytes.resize(tensor.bytes.size() / 2);
  }
  CopyHfDirectory(GoldenPath("llama_untied"), At("mixed"), tensors);
  ExpectRoundTrip(At("mixed"), "mixed");
}

TEST_F(ImportExportTest, AnImportedSnapshotIsAtStepZeroAndVerifies) {
  ASSERT_TRUE(ImportHuggingFace(GoldenPath("opt_tied"), At("a/b/s")).ok());
  auto snapshot = Snapshot::Open(At("a/b/s"));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ((*snapshot)->run().step, 0);
  EXPECT_TRUE((*snapshot)->Verify({}).ok());
  EXPECT_TRUE((*snapshot)->Names(StateKind::kMaster).empty());
}

TEST_F(ImportExportTest, TokenizerFilesGoBothWays) {
  CopyHfDirectory(
      GoldenPath("gpt2_tied"), At("hf"),
      ReadHfTensors(JoinPath(GoldenPath("gpt2_tied"), "model.safetensors")));
  ASSERT_TRUE(WriteFileAtomically(At("hf/vocab.json"), "{\"a\":0}").ok());
  ASSERT_TRUE(WriteFileAtomically(At("hf/README.md"), "no").ok());
  ASSERT_TRUE(ImportHuggingFace(At("hf"), At("s")).ok());
  ASSERT_TRUE(ExportHuggingFace(At("s"), At("back")).ok());
  EXPECT_EQ(*ReadFile(At("back/vocab.json")), "{\"a\":0}");
  EXPECT_THAT(
      *ListDirectory(At("back")),
      testing::ElementsAre("config.json", "model.safetensors", "vocab.json"));
}

TEST_F(ImportExportTest, NothingIsOverwritten) {
  ASSERT_TRUE(ImportHuggingFace(GoldenPath("opt_tied"), At("s")).ok());
  EXPECT_EQ(ImportHuggingFace(GoldenPath("gpt2_tied"), At("s")).code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(ExportHuggingFace(At("s"), At("hf")).ok());
  EXPECT_EQ(ExportHuggingFace(At("s"), At("hf")).code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(CreateDirectories(At("empty")).ok());
  EXPECT_TRUE(ExportHuggingFace(At("s"), At("empty")).ok());
}

TEST_F(ImportExportTest, ADamagedSnapshotIsNotExportedAndLeavesNothing) {
  ASSERT_TRUE(ImportHuggingFace(GoldenPath("opt_tied"), At("s")).ok());
  auto file = File::Open(At("s/model.safetensors"), File::Mode::kReadWrite);
  ASSERT_TRUE(file->WriteAt(*file->Size() - 9, "\x55", 1).ok());
  EXPECT_EQ(ExportHuggingFace(At("s"), At("hf")).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_THAT(*ListDirectory(scratch_.path()), testing::ElementsAre("s"));
}

}  // namespace
}  // namespace perdure
