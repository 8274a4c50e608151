// Real sentences with real tokenizers, in the form that MeZO gives them.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "runtime/data/example_dataset.h"

namespace perdure {
namespace {

std::string DataPath(const std::string& name) {
  return absl::StrCat(PERDURE_DATA_DIR, "/", name);
}

TaskConfig Sst2() {
  TaskConfig task;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      absl::StrCat("kind: CLASSIFICATION train: '", DataPath("sst2/train.tsv"),
                   "' val: '", DataPath("sst2/dev.tsv"), "' test: '",
                   DataPath("sst2/test.tsv"),
                   "' column: 'sentence' column: 'label' "
                   "prompt: '{sentence} It was' label_field: 'label' "
                   "label { value: '0' word: ' terrible' } "
                   "label { value: '1' word: ' great' }"),
      &task));
  return task;
}

struct Family {
  const char* tokenizer;
  int32_t vocab_size;  // of the models
  bool bos;
};

class Sst2Test : public ::testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    auto tokenizer = LoadTokenizer(DataPath(GetParam().tokenizer));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
  }
  std::unique_ptr<Dataset> Open(const TaskConfig& task, Split split) {
    auto data = OpenExamples(task, *tokenizer_, split, 128,
                             GetParam().vocab_size, 1337);
    EXPECT_TRUE(data.ok()) << data.status();
    return *std::move(data);
  }
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(Sst2Test, SplitsHaveTheirPublishedSizes) {
  EXPECT_EQ(Open(Sst2(), Split::kTrain)->windows(), 6920);
  EXPECT_EQ(Open(Sst2(), Split::kVal)->windows(), 872);
  EXPECT_EQ(Open(Sst2(), Split::kTest)->windows(), 1821);
}

TEST_P(Sst2Test, OneTokenOfEachTextCounts) {
  const auto data = Open(Sst2(), Split::kVal);
  Batch batch;
  ASSERT_TRUE(data->Read(0, data->windows(), &batch).ok());
  EXPECT_EQ(batch.losses(), 2 * 872);
  EXPECT_EQ(batch.CountedTokens(), 2 * 872);
  int64_t right = 0;
  for (const int32_t gold : batch.gold) right += gold;
  EXPECT_EQ(right, 444);  // positive sentences of the development set
  const int32_t terrible = tokenizer_->Encode(" terrible")->front();
  const int32_t great = tokenizer_->Encode(" great")->front();
  for (size_t i = 0; i < batch.weights.size(); ++i) {
    if (batch.weights[i] == 0) continue;
    EXPECT_EQ(batch.targets[i], batch.segments[i] % 2 == 0 ? terrible : great);
  }
}

TEST_P(Sst2Test, TextsReadAsTheTemplateSays) {
  const auto data = Open(Sst2(), Split::kVal);
  Batch batch;
  ASSERT_TRUE(data->Read(0, 1, &batch).ok());
  std::vector<int32_t> ids;
  for (size_t i = 0; i < batch.segments.size(); ++i) {
    if (batch.segments[i] == 1) ids.push_back(batch.ids[i]);
  }
  if (GetParam().bos) {
    EXPECT_EQ(ids.front(), *tokenizer_->bos());
    ids.erase(ids.begin());
  }
  const std::string text = *tokenizer_->Decode(ids);
  EXPECT_TRUE(text.ends_with(" It was")) << text;
  EXPECT_EQ(*tokenizer_->Encode(text), ids);
}

TEST_P(Sst2Test, PackingLeavesLittlePadding) {
  TaskConfig task = Sst2();
  const auto packed = Open(task, Split::kTrain);
  task.set_packing(false);
  const auto alone = Open(task, Split::kTrain);
  int64_t dense = 0, wide = 0;
  for (int64_t first = 0; first < 6912; first += 16) {
    Batch batch;
    ASSERT_TRUE(packed->Read(first, 16, &batch).ok());
    dense += batch.batch * batch.tokens;
    ASSERT_LE(batch.batch * batch.tokens, packed->max_rows(16));
    ASSERT_TRUE(alone->Read(first, 16, &batch).ok());
    wide += batch.batch * batch.tokens;
  }
  EXPECT_LT(dense, 0.75 * wide);
}

INSTANTIATE_TEST_SUITE_P(Families, Sst2Test,
                         ::testing::Values(Family{"gpt2-bpe", 50257, false},
                                           Family{"opt-bpe", 50272, true}),
                         [](const auto& info) {
                           return std::string(info.param.bos ? "Opt" : "Gpt2");
                         });

}  // namespace
}  // namespace perdure
