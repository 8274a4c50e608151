// Samples from files that other programs wrote.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/data/dataset.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

std::string Data(const std::string& name) {
  return std::string(PERDURE_DATA_DIR) + "/" + name;
}

// llm.c keeps no index: documents start at the tokenizer's EOD.
TEST(GoldenDatasetTest, LlmcDocumentsStartAtEod) {
  DataConfig config;
  config.add_val()->set_path(Data("llmc-bin/tiny_shakespeare_val.bin"));
  config.set_reset_at_document(true);
  config.set_mask_document_start(true);
  EXPECT_THAT(
      std::string(
          Dataset::Open(config, Split::kVal, 32, 50257, 1).status().message()),
      HasSubstr("data.tokenizer"));
  config.set_tokenizer(Data("gpt2-bpe"));
  const auto dataset = Dataset::Open(config, Split::kVal, 32, 50257, 1);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  Batch batch;
  ASSERT_TRUE((*dataset)->Read(0, (*dataset)->windows(), &batch).ok());
  int documents = 0;
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    const auto t = static_cast<int32_t>(i % 32);
    if (batch.ids[i] == 50256 && batch.weights[i] > 0) {
      ++documents;
      EXPECT_EQ(batch.positions[i], 0);
      EXPECT_EQ(batch.first_visible[i], t);
    }
    EXPECT_EQ(batch.positions[i], t - batch.first_visible[i]);
    if (batch.targets[i] == 50256) {
      EXPECT_EQ(batch.weights[i], 0);
    }
  }
  EXPECT_GT(documents, 100);
}

TEST(GoldenDatasetTest, MegatronDocumentsComeFromTheIndex) {
  DataConfig config;
  config.add_train()->set_path(
      Data("megatron-bin-idx/meg-gpt2-openwebtext_text_document.bin"));
  config.set_reset_at_document(true);
  const auto dataset = Dataset::Open(config, Split::kTrain, 64, 5000, 1);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  Batch batch;
  ASSERT_TRUE((*dataset)->Read(0, 500, &batch).ok());
  for (size_t i = 1; i < batch.ids.size(); ++i) {
    // Megatron ends documents with 4999: the next token is a new document's.
    if (i % 64 != 0 && batch.ids[i - 1] == 4999) {
      EXPECT_EQ(batch.positions[i], 0);
    }
  }
  EXPECT_EQ(Dataset::Open(config, Split::kTrain, 64, 4000, 1).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace perdure
