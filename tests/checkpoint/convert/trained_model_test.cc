// A trained model goes through a snapshot and comes back bit for bit.

#include "checkpoint/convert/convert.h"
#include "checkpoint/convert/hugging_face.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/convert/hf_directory.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

TEST(TrainedModelTest, StoriesComeBackBitForBit) {
  const ScratchDirectory scratch;
  const std::string original = JoinPath(PERDURE_DATA_DIR, "stories260K/hf");
  const std::string snapshot = JoinPath(scratch.path(), "snapshot");
  const std::string back = JoinPath(scratch.path(), "hf");
  const absl::Status imported = ImportHuggingFace(original, snapshot);
  ASSERT_TRUE(imported.ok()) << imported;
  const absl::Status exported = ExportHuggingFace(snapshot, back);
  ASSERT_TRUE(exported.ok()) << exported;
  const HfTensors before =
      ReadHfTensors(JoinPath(original, "model.safetensors"));
  EXPECT_EQ(before.size(), 47u);
  EXPECT_TRUE(before == ReadHfTensors(JoinPath(back, "model.safetensors")));
}

// The same model in two formats, neither written here: llama2.c's file, and
// what its export makes for transformers.
TEST(TrainedModelTest, Llama2cFileIsTheHuggingFaceModel) {
  const ScratchDirectory scratch;
  ConvertOptions options;
  options.source = JoinPath(PERDURE_DATA_DIR, "stories260K/stories260K.bin");
  options.target = JoinPath(scratch.path(), "hf");
  options.to = "hf";
  const auto report = Convert(options, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(ReadHfTensors(JoinPath(PERDURE_DATA_DIR,
                                     "stories260K/hf/model.safetensors")) ==
              ReadHfTensors(JoinPath(options.target, "model.safetensors")));
}

}  // namespace
}  // namespace perdure
