#include "runtime/data/dataset.h"

#include <google/protobuf/text_format.h>

#include <cmath>
#include <set>
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int32_t kVocab = 100000;

DataConfig Parse(const std::string& text) {
  DataConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config));
  return config;
}

class DatasetTest : public ::testing::Test {
 protected:
  // A file whose token i has id i, so that ids tell offsets.
  std::string File(const std::string& name, int64_t tokens,
                   const std::vector<int64_t>& documents = {}) {
    return dir_.WriteTokens(name, Iota(tokens), kVocab, documents);
  }
  static DataConfig Train(const std::vector<std::string>& paths,
                          const std::string& more = "") {
    DataConfig config = Parse(more);
    for (const std::string& path : paths) config.add_train()->set_path(path);
    return config;
  }
  static std::unique_ptr<Dataset> Open(const DataConfig& config, int64_t length,
                                       Split split = Split::kTrain,
                                       uint64_t seed = 1) {
    auto dataset = Dataset::Open(config, split, length, kVocab, seed);
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    return *std::move(dataset);
  }
  static absl::Status OpenError(const DataConfig& config, int64_t length,
                                Split split = Split::kTrain,
                                int32_t vocab = kVocab) {
    return Dataset::Open(config, split, length, vocab, 1).status();
  }
  static Batch Read(const Dataset& dataset, int64_t first, int64_t count) {
    Batch batch;
    EXPECT_TRUE(dataset.Read(first, count, &batch).ok());
    return batch;
  }
  TempDir dir_;
};

TEST_F(DatasetTest, EveryTargetComesOnceAnEpoch) {
  const auto dataset = Open(Train({File("a.tokens", 1001)}), 8);
  ASSERT_EQ(dataset->windows(), 125);
  EXPECT_EQ(dataset->tokens(), 1001);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const Batch batch = Read(*dataset, epoch * 125, 125);
    std::set<int32_t> targets(batch.targets.begin(), batch.targets.end());
    EXPECT_EQ(targets.size(), 1000);
    EXPECT_EQ(*targets.begin(), 1);
    EXPECT_EQ(*targets.rbegin(), 1000);
    EXPECT_EQ(batch.CountedTokens(), 1000);
  }
}

TEST_F(DatasetTest, EpochsAreReshuffledAndSeedsDiffer) {
  const DataConfig config = Train({File("a.tokens", 1001)});
  const auto dataset = Open(config, 8);
  EXPECT_NE(Read(*dataset, 0, 125).ids, Read(*dataset, 125, 125).ids);
  EXPECT_NE(Read(*dataset, 0, 125).ids,
            Read(*Open(config, 8, Split::kTrain, 2), 0, 125).ids);
  EXPECT_EQ(Read(*dataset, 0, 125).ids, Read(*Open(config, 8), 0, 125).ids);
}

TEST_F(DatasetTest, TargetsAreTheNextTokens) {
  const auto dataset = Open(Train({File("a.tokens", 500)}), 16);
  const Batch batch = Read(*dataset, 3, 20);
  EXPECT_EQ(batch.batch, 20);
  EXPECT_EQ(batch.tokens, 16);
  EXPECT_EQ(batch.sequence.front(), 3);
  EXPECT_EQ(batch.sequence.back(), 22);
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    EXPECT_EQ(batch.targets[i], batch.ids[i] + 1);
    EXPECT_EQ(batch.positions[i], i % 16);
  }
  EXPECT_THAT(batch.weights, Each(1.0f));
  EXPECT_THAT(batch.first_visible, IsEmpty());
}

TEST_F(DatasetTest, SamplesDoNotDependOnHowTheyAreRead) {
  const std::string a = File("a.tokens", 700, {0, 33, 300});
  const std::string b = File("b.tokens", 400, {0, 5});
  for (const char* more :
       {"", "sampling: RANDOM_OFFSET",
        "reset_at_document: true mask_document_start: true"}) {
    const auto dataset = Open(Train({a, b}, more), 8);
    const Batch all = Read(*dataset, 100, 64);
    for (int64_t i = 0; i < 64; ++i) {
      const Batch one = Read(*dataset, 100 + i, 1);
      for (int64_t t = 0; t < 8; ++t) {
        ASSERT_EQ(one.ids[t], all.ids[i * 8 + t]);
        ASSERT_EQ(one.targets[t], all.targets[i * 8 + t]);
        ASSERT_EQ(one.weights[t], all.weights[i * 8 + t]);
        ASSERT_EQ(one.positions[t], all.positions[i * 8 + t]);
      }
      ASSERT_EQ(one.sequence[0], all.sequence[i]);
      const Dataset::Window window = dataset->Locate(100 + i);
      ASSERT_EQ(one.ids[0], window.offset);
    }
  }
}

TEST_F(DatasetTest, FilesWithoutWeightsShareOneDeck) {
  const auto dataset =
      Open(Train({File("a.tokens", 801), File("b.tokens", 81)}), 8);
  ASSERT_EQ(dataset->windows(), 110);
  EXPECT_EQ(dataset->Describe(), "2 files, 882 tokens, 110 windows");
  std::set<std::pair<int, int64_t>> seen;
  for (int64_t i = 0; i < 110; ++i) {
    const Dataset::Window window = dataset->Locate(i);
    seen.insert({window.file, window.offset});
  }
  EXPECT_EQ(seen.size(), 110);
}

TEST_F(DatasetTest, WeightsMixFilesAndEachFileKeepsItsEpochs) {
  DataConfig config = Train({File("a.tokens", 801), File("b.tokens", 81)});
  config.mutable_train(0)->set_weight(1);
  config.mutable_train(1)->set_weight(3);
  const auto dataset = Open(config, 8);
  std::vector<std::vector<int64_t>> offsets(2);
  for (int64_t i = 0; i < 400; ++i) {
    const Dataset::Window window = dataset->Locate(i);
    offsets[window.file].push_back(window.offset);
  }
  ASSERT_EQ(offsets[0].size(), 100);
  ASSERT_EQ(offsets[1].size(), 300);
  EXPECT_EQ(std::set(offsets[0].begin(), offsets[0].end()).size(), 100);
  for (int epoch = 0; epoch < 30; ++epoch) {
    const auto begin = offsets[1].begin() + epoch * 10;
    EXPECT_EQ(std::set(begin, begin + 10).size(), 10) << epoch;
  }
}

TEST_F(DatasetTest, RandomOffsetsCoverTheWholeFile) {
  const auto dataset =
      Open(Train({File("a.tokens", 60)}, "sampling: RANDOM_OFFSET"), 8);
  std::vector<int> count(52);  // nanoGPT: 0 .. len - T - 1
  constexpr int kSamples = 52 * 200;
  for (int64_t i = 0; i < kSamples; ++i) {
    const Dataset::Window window = dataset->Locate(i);
    ASSERT_GE(window.offset, 0);
    ASSERT_LT(window.offset, 52);
    ++count[window.offset];
  }
  double chi2 = 0;
  for (const int c : count) chi2 += (c - 200.0) * (c - 200.0) / 200.0;
  EXPECT_LT(chi2, 100);  // 51 degrees of freedom: p < 1e-4
}

TEST_F(DatasetTest, RandomOffsetsFollowWeights) {
  DataConfig config = Train({File("a.tokens", 801), File("b.tokens", 81)},
                            "sampling: RANDOM_OFFSET");
  config.mutable_train(0)->set_weight(1);
  config.mutable_train(1)->set_weight(3);
  const auto dataset = Open(config, 8);
  int second = 0;
  for (int64_t i = 0; i < 400; ++i) second += dataset->Locate(i).file;
  EXPECT_EQ(second, 300);
}

TEST_F(DatasetTest, ValidationIsCutFromTheEndOfEachFile) {
  const DataConfig config = Train(
      {File("a.tokens", 1000), File("b.tokens", 500)}, "val_fraction: 0.1");
  const auto train = Open(config, 10);
  const auto val = Open(config, 10, Split::kVal);
  EXPECT_EQ(train->tokens(), 1350);
  EXPECT_EQ(val->tokens(), 150);
  for (int64_t i = 0; i < train->windows(); ++i) {
    const Dataset::Window window = train->Locate(i);
    // Not even a target comes from the validation part.
    EXPECT_LT(window.offset + 10, window.file == 0 ? 900 : 450);
  }
  EXPECT_EQ(val->Locate(0).offset, 900);
  EXPECT_EQ(val->Locate(10).file, 1);
  EXPECT_EQ(val->Locate(10).offset, 450);
}

TEST_F(DatasetTest, ValidationCountsEveryTargetOnce) {
  for (const int64_t tokens : {2, 9, 10, 17, 18, 100, 101}) {
    DataConfig config = Train({});
    config.add_val()->set_path(File("v.tokens", tokens));
    const auto val = Open(config, 8, Split::kVal);
    const Batch batch = Read(*val, 0, val->windows());
    EXPECT_EQ(batch.CountedTokens(), tokens - 1);
    std::set<int32_t> targets;
    for (size_t i = 0; i < batch.targets.size(); ++i) {
      if (batch.weights[i] > 0) targets.insert(batch.targets[i]);
    }
    EXPECT_EQ(static_cast<int64_t>(targets.size()), tokens - 1);
    EXPECT_EQ(Read(*val, val->windows(), 1).ids, Read(*val, 0, 1).ids);
  }
}

TEST_F(DatasetTest, DocumentsRestartPositionsAndVisibility) {
  DataConfig config = Train({}, "reset_at_document: true");
  config.add_val()->set_path(File("v.tokens", 17, {0, 3, 5, 12}));
  const auto val = Open(config, 8, Split::kVal);
  const Batch batch = Read(*val, 0, 2);
  EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 0, 1, 0, 1, 2,  //
                                           0, 1, 2, 3, 0, 1, 2, 3));
  EXPECT_THAT(batch.first_visible, ElementsAre(0, 0, 0, 3, 3, 5, 5, 5,  //
                                               0, 0, 0, 0, 4, 4, 4, 4));
  EXPECT_THAT(batch.weights, Each(1.0f));
}

TEST_F(DatasetTest, FirstTokensOfDocumentsCanBeLeftUncounted) {
  DataConfig config = Train({}, "mask_document_start: true");
  config.add_val()->set_path(File("v.tokens", 17, {0, 3, 8, 12}));
  const auto val = Open(config, 8, Split::kVal);
  const Batch batch = Read(*val, 0, 2);
  // Targets 3, 8 and 12 start documents; 8 is the last target of window 0.
  EXPECT_THAT(batch.weights, ElementsAre(1, 1, 0, 1, 1, 1, 1, 0,  //
                                         1, 1, 1, 0, 1, 1, 1, 1));
  EXPECT_THAT(batch.first_visible, IsEmpty());
}

TEST_F(DatasetTest, DocumentsNeedAnIndexOrAnEodToken) {
  const absl::Status status =
      OpenError(Train({File("a.tokens", 100)}, "reset_at_document: true"), 8);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("data.tokenizer"));
}

TEST_F(DatasetTest, BadConfigsAreExplained) {
  const std::string a = File("a.tokens", 100);
  const struct {
    DataConfig config;
    Split split;
    absl::StatusCode code;
    const char* why;
  } kCases[] = {
      {Train({}), Split::kTrain, absl::StatusCode::kInvalidArgument,
       "data.train"},
      {Train({a}), Split::kVal, absl::StatusCode::kInvalidArgument,
       "no validation split"},
      {Train({a}, "val_fraction: 1.5"), Split::kTrain,
       absl::StatusCode::kInvalidArgument, "1.5"},
      {Train({a}, "val_fraction: 0.5 val { path: 'x' }"), Split::kTrain,
       absl::StatusCode::kInvalidArgument, "both"},
      {Train({dir_.File("no.tokens")}), Split::kTrain,
       absl::StatusCode::kNotFound, "no.tokens"},
      {Train({a}, "train { path: 'z' weight: -1 }"), Split::kTrain,
       absl::StatusCode::kNotFound, "z"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = OpenError(c.config, 8, c.split);
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.why));
  }
}

TEST_F(DatasetTest, BadWeightsAreExplained) {
  const std::string a = File("a.tokens", 100);
  for (const auto& [first, second, why] :
       std::vector<std::tuple<double, double, std::string>>{
           {-1, 1, "weight -1"}, {0, 0, "positive"}, {INFINITY, 1, "inf"}}) {
    DataConfig config = Train({a, a});
    config.mutable_train(0)->set_weight(first);
    config.mutable_train(1)->set_weight(second);
    const absl::Status status = OpenError(config, 8);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  }
  DataConfig config = Train({a, a});
  config.mutable_train(1)->set_weight(1);
  EXPECT_THAT(std::string(OpenError(config, 8).message()),
              HasSubstr("1 of 2 files"));
}

TEST_F(DatasetTest, ShortSplitsAreRefused) {
  const std::string path = File("a.tokens", 100);
  EXPECT_TRUE(OpenError(Train({path}), 99).ok());
  const absl::Status status = OpenError(Train({path}), 100);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  EXPECT_THAT(std::string(status.message()), HasSubstr("needs 101"));
  EXPECT_EQ(
      OpenError(Train({path}, "val_fraction: 0.01"), 8, Split::kVal).code(),
      absl::StatusCode::kFailedPrecondition);
}

TEST_F(DatasetTest, VocabulariesBeyondTheModelsAreRefused) {
  const std::string path = File("a.tokens", 100);
  const absl::Status status =
      OpenError(Train({path}), 8, Split::kTrain, kVocab - 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("model.vocab_size"));
  EXPECT_TRUE(OpenError(Train({path}), 8, Split::kTrain, kVocab + 10).ok());
}

TEST_F(DatasetTest, IdsThatTheHeaderDeniesAreRefusedWhenRead) {
  std::vector<int32_t> ids(100, 1);
  const std::string path = dir_.WriteTokens("a.tokens", ids, 5);
  // Byte 64 is the low byte of the first id.
  std::FILE* file = std::fopen(path.c_str(), "r+b");
  ASSERT_NE(file, nullptr);
  std::fseek(file, 64, SEEK_SET);
  std::fputc(77, file);
  std::fclose(file);
  DataConfig config;
  config.add_val()->set_path(path);
  const auto dataset = Dataset::Open(config, Split::kVal, 8, 5, 1).value();
  Batch batch;
  const absl::Status status = dataset->Read(0, 1, &batch);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("id 77"));
}

TEST_F(DatasetTest, NegativeSamplesAreRefused) {
  const auto dataset = Open(Train({File("a.tokens", 100)}), 8);
  Batch batch;
  EXPECT_EQ(dataset->Read(-1, 1, &batch).code(),
            absl::StatusCode::kInvalidArgument);
}

// What a stored run resumes with.
TEST_F(DatasetTest, TheOrderIsFrozen) {
  const auto a = File("a.tokens", 1001);
  const auto order = [](const Dataset& dataset) {
    std::vector<int64_t> offsets;
    for (int64_t i : {0, 1, 2, 124, 125, 1000000}) {
      offsets.push_back(dataset.Locate(i).offset);
    }
    return offsets;
  };
  EXPECT_THAT(order(*Open(Train({a}), 8)),
              ElementsAre(24, 688, 760, 384, 400, 944));
  EXPECT_THAT(order(*Open(Train({a}, "sampling: RANDOM_OFFSET"), 8)),
              ElementsAre(396, 653, 58, 779, 908, 712));
}

}  // namespace
}  // namespace perdure
