// A trained model goes through a snapshot and comes back bit for bit.

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

}  // namespace
}  // namespace perdure
