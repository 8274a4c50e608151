#include "checkpoint/foreign/flat_file.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class FlatFileTest : public testing::Test {
 protected:
  FlatFileTest() : path_(JoinPath(scratch_.path(), "model.bin")) {}

  // A golden file with one int32 of its header changed.
  void CopyWith(const std::string& golden, size_t word, int32_t value) {
    std::string bytes = *ReadFile(
        absl::StrCat(PERDURE_SOURCE_DIR, "/tests/goldens/convert/", golden));
    bytes.replace(word * 4, 4, reinterpret_cast<const char*>(&value), 4);
    ASSERT_TRUE(WriteFileAtomically(path_, bytes).ok());
  }

  const ScratchDirectory scratch_;
  const std::string path_;
};

TEST_F(FlatFileTest, HeadersSayTheModel) {
  CopyWith("llmc_v3.bin", 2, 8);
  ASSERT_TRUE(IsLlmcFile(path_));
  const auto gpt2 = OpenLlmc(path_);
  ASSERT_TRUE(gpt2.ok()) << gpt2.status();
  EXPECT_EQ(gpt2->model->vocab_size(), 17);
  EXPECT_EQ(gpt2->tensors[0].shape, (std::vector<int64_t>{128, 16}));
  CopyWith("llama2c_v0.bin", 0, 16);
  ASSERT_TRUE(IsLlama2cFile(path_));
  const auto llama = OpenLlama2c(path_);
  ASSERT_TRUE(llama.ok()) << llama.status();
  EXPECT_EQ(llama->model->kv_heads(), 2);
  EXPECT_FALSE(llama->model->tie_embeddings());
}

TEST_F(FlatFileTest, QuantizedAndUnknownVersionsAreRefused) {
  CopyWith("llama2c_v1.bin", 1, 2);
  EXPECT_TRUE(IsLlama2cFile(path_));
  EXPECT_THAT(std::string(OpenLlama2c(path_).status().message()),
              HasSubstr("not quantized ones"));
  CopyWith("llmc_v3.bin", 1, 1);
  EXPECT_EQ(OpenLlmc(path_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(FlatFileTest, SizesThatDoNotFitTheFileAreDamage) {
  CopyWith("llmc_v3.bin", 4, 3);
  EXPECT_EQ(OpenLlmc(path_).status().code(), absl::StatusCode::kDataLoss);
  CopyWith("llmc_v3.bin", 6, INT32_MAX);
  EXPECT_THAT(std::string(OpenLlmc(path_).status().message()),
              HasSubstr("channels = 2147483647"));
  CopyWith("llama2c_v1.bin", 4, 0);
  EXPECT_EQ(OpenLlama2c(path_).status().code(), absl::StatusCode::kDataLoss);
  CopyWith("llama2c_v0.bin", 5, INT32_MIN);
  EXPECT_FALSE(IsLlama2cFile(path_));
}

TEST_F(FlatFileTest, OtherFilesAreNotTakenForThese) {
  ASSERT_TRUE(WriteFileAtomically(path_, std::string(4096, 'x')).ok());
  EXPECT_FALSE(IsLlmcFile(path_));
  EXPECT_FALSE(IsLlama2cFile(path_));
}

}  // namespace
}  // namespace perdure
