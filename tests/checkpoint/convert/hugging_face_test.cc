#include "checkpoint/convert/hugging_face.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/convert/hf_directory.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class HuggingFaceTest : public testing::Test {
 protected:
  HuggingFaceTest()
      : golden_(GoldenPath("gpt2_tied")),
        tensors_(ReadHfTensors(JoinPath(golden_, "model.safetensors"))),
        dir_(JoinPath(scratch_.path(), "hf")) {}

  absl::Status OpenWith(const HfTensors& tensors) {
    CopyHfDirectory(golden_, dir_, tensors);
    auto directory = OpenWeights(dir_);
    if (directory.ok()) directory_ = std::move(*directory);
    return directory.status();
  }

  // Two shards and their index.
  void Shard(const std::string& index_suffix) {
    HfTensors shards[2];
    std::string map;
    int i = 0;
    for (const auto& [name, tensor] : tensors_) {
      const int shard = i++ % 2;
      shards[shard][name] = tensor;
      absl::StrAppend(&map, map.empty() ? "" : ",", "\"", name, "\":\"s", shard,
                      ".safetensors\"");
    }
    CopyHfDirectory(golden_, dir_, {});
    ASSERT_TRUE(RemoveTree(JoinPath(dir_, "model.safetensors")).ok());
    WriteHfTensors(shards[0], JoinPath(dir_, "s0.safetensors"));
    WriteHfTensors(shards[1], JoinPath(dir_, "s1.safetensors"));
    ASSERT_TRUE(WriteFileAtomically(
                    JoinPath(dir_, "model.safetensors.index.json"),
                    absl::StrCat("{\"weight_map\":{", map, index_suffix, "}}"))
                    .ok());
  }

  const ScratchDirectory scratch_;
  const std::string golden_;
  const HfTensors tensors_;
  const std::string dir_;
  std::unique_ptr<StateSource> directory_;
};

TEST_F(HuggingFaceTest, EveryGoldenModelIsRead) {
  for (const std::string& model : GoldenModels()) {
    SCOPED_TRACE(model);
    auto directory = OpenWeights(GoldenPath(model));
    ASSERT_TRUE(directory.ok()) << directory.status();
    ExpectWeights(
        ReadHfTensors(JoinPath(GoldenPath(model), "model.safetensors")),
        **directory);
  }
}

TEST_F(HuggingFaceTest, ShardsAreOneDirectory) {
  Shard("");
  auto directory = OpenWeights(dir_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  ExpectWeights(tensors_, **directory);
}

TEST_F(HuggingFaceTest, AnIndexThatDisagreesWithItsShardsIsRefused) {
  Shard(",\"transformer.more\":\"s1.safetensors\"");
  const absl::Status status = OpenWeights(dir_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("transformer.more"));
}

TEST_F(HuggingFaceTest, AnIndexMayNotLeaveTheDirectory) {
  Shard(",\"x\":\"../s1.safetensors\"");
  EXPECT_EQ(OpenWeights(dir_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(HuggingFaceTest, AMissingShardIsNotFound) {
  Shard("");
  ASSERT_TRUE(RemoveTree(JoinPath(dir_, "s1.safetensors")).ok());
  const absl::Status status = OpenWeights(dir_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("s1.safetensors"));
}

TEST_F(HuggingFaceTest, NamesWithoutPrefixAreMadeCanonical) {
  HfTensors bare;
  for (const auto& [name, tensor] : tensors_) {
    bare[std::string(absl::StripPrefix(name, "transformer."))] = tensor;
  }
  ASSERT_NE(bare, tensors_);
  const absl::Status status = OpenWith(bare);
  ASSERT_TRUE(status.ok()) << status;
  ExpectWeights(tensors_, *directory_);
}

TEST_F(HuggingFaceTest, BuffersAreLeftOutWhateverTheirType) {
  HfTensors more = tensors_;
  more["transformer.h.0.attn.bias"] = {
      "BOOL", {1, 1, 4, 4}, std::string(16, '\1')};
  const absl::Status status = OpenWith(more);
  ASSERT_TRUE(status.ok()) << status;
  ExpectWeights(tensors_, *directory_);
}

TEST_F(HuggingFaceTest, ATiedHeadThatIsStoredTooIsTheEmbedding) {
  HfTensors both = tensors_;
  both["lm_head.weight"] = tensors_.at("transformer.wte.weight");
  const absl::Status status = OpenWith(both);
  ASSERT_TRUE(status.ok()) << status;
  ExpectWeights(tensors_, *directory_);
}

TEST_F(HuggingFaceTest, ATiedHeadAloneIsTheEmbedding) {
  HfTensors head = tensors_;
  head["lm_head.weight"] = tensors_.at("transformer.wte.weight");
  head.erase("transformer.wte.weight");
  const absl::Status status = OpenWith(head);
  ASSERT_TRUE(status.ok()) << status;
  ExpectWeights(tensors_, *directory_);
}

TEST_F(HuggingFaceTest, TheHeadOfATiedModelReadsTheEmbedding) {
  ASSERT_TRUE(OpenWith(tensors_).ok());
  HfTensor embedding = tensors_.at("transformer.wte.weight");
  std::string found(embedding.bytes.size(), '\0');
  const absl::Status status =
      directory_->Read({{"lm_head.weight",
                         StateKind::kWeight,
                         DType::kF32,
                         embedding.shape,
                         {{0, 0, static_cast<int64_t>(found.size() / 4)}},
                         found.data()}});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(found == embedding.bytes);
}

TEST_F(HuggingFaceTest, AllThatDoesNotFitIsListedAtOnce) {
  HfTensors wrong = tensors_;
  wrong["transformer.wpe.weight"].shape = {24, 32};
  const HfTensor norm = wrong.at("transformer.ln_f.weight");
  wrong.erase("transformer.ln_f.weight");
  wrong["transformer.ln_f.wieght"] = norm;
  wrong["transformer.ln_f.bias"].dtype = "I32";
  const absl::Status status = OpenWith(wrong);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("transformer.wpe.weight is [24, 32], the "
                                 "model's is [32, 24]"));
  EXPECT_THAT(
      message,
      HasSubstr("transformer.ln_f.wieght is no parameter of this model, "
                "did you mean 'transformer.ln_f.weight'"));
  EXPECT_THAT(message, HasSubstr("transformer.ln_f.bias is I32"));
  EXPECT_THAT(message, HasSubstr("transformer.ln_f.weight is needed"));
}

TEST_F(HuggingFaceTest, OneParameterUnderTwoNamesIsRefused) {
  HfTensors twice = tensors_;
  twice["wte.weight"] = tensors_.at("transformer.wte.weight");
  const absl::Status status = OpenWith(twice);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("twice"));
}

TEST_F(HuggingFaceTest, ATiedHeadThatDiffersIsFoundWhenItIsRead) {
  HfTensors both = tensors_;
  both["lm_head.weight"] = tensors_.at("transformer.wte.weight");
  both["lm_head.weight"].bytes[8] ^= 1;
  ASSERT_TRUE(OpenWith(both).ok());
  std::string found(both["lm_head.weight"].bytes.size(), '\0');
  const absl::Status status =
      directory_->Read({{"transformer.wte.weight",
                         StateKind::kWeight,
                         DType::kF32,
                         both["lm_head.weight"].shape,
                         {{0, 0, static_cast<int64_t>(found.size() / 4)}},
                         found.data()}});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("first in element 2"));
}

TEST_F(HuggingFaceTest, PickledShardsAreRead) {
  auto directory = OpenWeights(GoldenPath("convert/gpt2_pickled"));
  ASSERT_TRUE(directory.ok()) << directory.status();
  ExpectWeights(
      ReadHfTensors(GoldenPath("convert/gpt2") + "/model.safetensors"),
      **directory);
}

TEST_F(HuggingFaceTest, ADirectoryWithoutWeightsSaysWhatWasLookedFor) {
  CopyHfDirectory(golden_, dir_, {});
  ASSERT_TRUE(RemoveTree(JoinPath(dir_, "model.safetensors")).ok());
  const absl::Status status = OpenWeights(dir_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("pytorch_model.bin"));
}

}  // namespace
}  // namespace perdure
