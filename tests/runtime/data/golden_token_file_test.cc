// Token files that other programs wrote.

#include "gtest/gtest.h"
#include "runtime/data/token_file.h"

namespace perdure {
namespace {

std::string Data(const std::string& name) {
  return std::string(PERDURE_DATA_DIR) + "/" + name;
}

TEST(GoldenTokenFileTest, LlmcTinyShakespeareLoads) {
  const auto train = OpenTokenFile(Data("llmc-bin/tiny_shakespeare_train.bin"));
  ASSERT_TRUE(train.ok()) << train.status();
  EXPECT_EQ((*train)->size(), 305260);
  EXPECT_LE((*train)->vocab_bound(), 50257);
  const auto val = OpenTokenFile(Data("llmc-bin/tiny_shakespeare_val.bin"));
  ASSERT_TRUE(val.ok()) << val.status();
  EXPECT_EQ((*val)->size(), 32768);
  int32_t first = 0;
  (*val)->Read(0, 1, &first);
  EXPECT_EQ(first, 50256);  // llm.c puts <|endoftext|> before each document
}

TEST(GoldenTokenFileTest, MegatronOpenWebTextLoads) {
  const auto file = OpenTokenFile(
      Data("megatron-bin-idx/meg-gpt2-openwebtext_text_document.bin"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->size(), 1361845);
  EXPECT_EQ((*file)->documents().size(), 1000);
  EXPECT_EQ((*file)->documents()[1], 0x583);
  EXPECT_LE((*file)->vocab_bound(), 5000);
  // Megatron ends each document with <|endoftext|>, id 4999 here.
  for (size_t i = 1; i < (*file)->documents().size(); ++i) {
    int32_t last = 0;
    (*file)->Read((*file)->documents()[i] - 1, 1, &last);
    ASSERT_EQ(last, 4999) << i;
  }
}

}  // namespace
}  // namespace perdure
