#include "runtime/data/tokenizer_json.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/runtime/data/small_vocabulary.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class TokenizerJsonTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Tokenizer>> Load(const Json& json) {
    dir_.Write("tokenizer.json", json.dump());
    return LoadTokenizer(dir_.path());
  }
  std::unique_ptr<Tokenizer> LoadOk(const Json& json) {
    auto tokenizer = Load(json);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *std::move(tokenizer);
  }
  void ExpectRefused(const Json& json, const std::string& why) {
    const auto tokenizer = Load(json);
    EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(tokenizer.status().message()),
                HasSubstr("tokenizer.json"));
  }
  static Json Split(const std::string& regex) {
    return {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"},
               {"pattern", {{"Regex", regex}}},
               {"behavior", "Isolated"},
               {"invert", false}},
              {{"type", "ByteLevel"},
               {"add_prefix_space", false},
               {"use_regex", false}}}}};
  }
  TempDir dir_;
};

constexpr char kQwen2[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

TEST_F(TokenizerJsonTest, ByteLevelEncodes) {
  const auto tokenizer = LoadOk(SmallByteLevelJson());
  EXPECT_EQ(tokenizer->kind(), "byte_bpe");
  EXPECT_EQ(tokenizer->eod(), 261);
  EXPECT_FALSE(tokenizer->bos().has_value());
  EXPECT_THAT(*tokenizer->Encode("hello w\xC3\xA9"),
              ElementsAre(259, 260, 0xC3, 0xA9));
  EXPECT_EQ(*tokenizer->Decode({259, 260, 0xC3, 0xA9, 261}),
            "hello w\xC3\xA9<|endoftext|>");
}

TEST_F(TokenizerJsonTest, PrefixSpaceIsAddedWhereAsked) {
  Json json = SmallByteLevelJson();
  json["pre_tokenizer"]["add_prefix_space"] = true;
  EXPECT_THAT(*LoadOk(json)->Encode("who"), ElementsAre(260, 'h', 'o'));
  EXPECT_THAT(*LoadOk(json)->Encode(" who"), ElementsAre(260, 'h', 'o'));
}

TEST_F(TokenizerJsonTest, OtherWordPatternsAreUsed) {
  Json json = SmallByteLevelJson();
  json["pre_tokenizer"] = Split(kQwen2);
  // A word may start with any one character: "(he" is one and still merges.
  EXPECT_THAT(*LoadOk(json)->Encode("(he"), ElementsAre('(', 256));
  ExpectRefused(
      [&] {
        json["pre_tokenizer"] = Split("\\w+");
        return json;
      }(),
      "\\w+");
}

TEST_F(TokenizerJsonTest, NormalFormCIsMade) {
  Json json = SmallByteLevelJson();
  json["normalizer"] = {{"type", "NFC"}};
  EXPECT_THAT(*LoadOk(json)->Encode("e\xCC\x81"), ElementsAre(0xC3, 0xA9));
  json["normalizer"] = {{"type", "Lowercase"}};
  ExpectRefused(json, "Lowercase");
}

TEST_F(TokenizerJsonTest, WholeWordsComeFirstWhereAsked) {
  Json json = SmallByteLevelJson();
  json["model"]["vocab"]["who"] = 262;  // no merge makes it
  EXPECT_THAT(*LoadOk(json)->Encode("who"), ElementsAre('w', 'h', 'o'));
  json["model"]["ignore_merges"] = true;
  EXPECT_THAT(*LoadOk(json)->Encode("who"), ElementsAre(262));
}

TEST_F(TokenizerJsonTest, AddedTokensAreMatchedUnlessSpecial) {
  Json json = SmallByteLevelJson();
  json["added_tokens"].push_back(
      {{"id", 262}, {"content", "<x>"}, {"special", false}});
  json["added_tokens"].push_back(
      {{"id", 263}, {"content", "<x>\xC3\xA9"}, {"special", false}});
  json["added_tokens"].push_back(
      {{"id", 264}, {"content", "<y>"}, {"special", true}});
  const auto tokenizer = LoadOk(json);
  EXPECT_EQ(tokenizer->vocab_size(), 265);
  EXPECT_THAT(*tokenizer->Encode("he<x>ll<y>"),
              ElementsAre(256, 262, 257, '<', 'y', '>'));
  EXPECT_THAT(*tokenizer->Encode("<x>\xC3\xA9"), ElementsAre(263));
  EXPECT_EQ(*tokenizer->Decode({263, 264}), "<x>\xC3\xA9<y>");
  json["added_tokens"][1]["lstrip"] = true;
  ExpectRefused(json, "lstrip");
}

TEST_F(TokenizerJsonTest, TemplateNamesTheBos) {
  Json json = SmallByteLevelJson();
  const Json bos = {{"SpecialToken", {{"id", "<|endoftext|>"}}}};
  json["post_processor"] = {
      {"type", "Sequence"},
      {"processors",
       {{{"type", "ByteLevel"}},
        {{"type", "TemplateProcessing"}, {"single", {bos, Json::object()}}}}}};
  EXPECT_EQ(LoadOk(json)->bos(), 261);
  dir_.Write("tokenizer_config.json", R"({"add_bos_token": false})");
  EXPECT_FALSE(LoadOk(json)->bos().has_value());
}

TEST_F(TokenizerJsonTest, SentencePieceEncodes) {
  const auto tokenizer = LoadOk(SmallSentenceJson());
  EXPECT_EQ(tokenizer->kind(), "sentencepiece_bpe");
  EXPECT_EQ(tokenizer->vocab_size(), 266);
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eod(), 2);
  EXPECT_THAT(*tokenizer->Encode("ab a"), ElementsAre(264, 263));
  EXPECT_THAT(*tokenizer->Encode("b"), ElementsAre(259, 261));
  // Two of three spaces merge first, from the left.
  EXPECT_THAT(*tokenizer->Encode("b   a"), ElementsAre(259, 261, 265, 263));
  // Not in the vocabulary: bytes.
  EXPECT_THAT(*tokenizer->Encode("a\n\xC3\xA9"),
              ElementsAre(263, 3 + '\n', 3 + 0xC3, 3 + 0xA9));
  EXPECT_THAT(*tokenizer->Encode(""), ElementsAre());
}

TEST_F(TokenizerJsonTest, SentencePieceTextComesBackAfterBos) {
  const auto tokenizer = LoadOk(SmallSentenceJson());
  for (const std::string text : {"ab a", " a", "b  b\n", "\xFF\xC3x"}) {
    std::vector<int32_t> ids = *tokenizer->Encode(text);
    EXPECT_EQ(*tokenizer->Decode(ids), " " + text);
    ids.insert(ids.begin(), 1);
    ids.push_back(2);
    EXPECT_EQ(*tokenizer->Decode(ids), text);
  }
}

TEST_F(TokenizerJsonTest, TheSpaceSignIsASpace) {
  const auto tokenizer = LoadOk(SmallSentenceJson());
  EXPECT_EQ(*tokenizer->Encode("b\xE2\x96\x81"
                               "a"),
            *tokenizer->Encode("b a"));
}

TEST_F(TokenizerJsonTest, DummyPrefixFollowsTheFile) {
  Json json = SmallSentenceJson();
  json["normalizer"] = json["normalizer"]["normalizers"][1];
  EXPECT_THAT(*LoadOk(json)->Encode("a a"), ElementsAre(260, 263));
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = {{"type", "Metaspace"},
                           {"replacement", "\xE2\x96\x81"},
                           {"prepend_scheme", "first"},
                           {"split", false}};
  EXPECT_THAT(*LoadOk(json)->Encode("a"), ElementsAre(263));
  EXPECT_THAT(*LoadOk(json)->Encode(" a"), ElementsAre(263));
  json["pre_tokenizer"]["split"] = true;
  ExpectRefused(json, "Metaspace");
}

TEST_F(TokenizerJsonTest, WhatIsNotSupportedIsNamed) {
  Json json = SmallByteLevelJson();
  json["model"]["type"] = "WordPiece";
  ExpectRefused(json, "WordPiece");
  json = SmallByteLevelJson();
  json["pre_tokenizer"] = {{"type", "Whitespace"}};
  ExpectRefused(json, "Whitespace");
  json = SmallByteLevelJson();
  json["model"]["end_of_word_suffix"] = "</w>";
  ExpectRefused(json, "end_of_word_suffix");
  json = SmallSentenceJson();
  json["model"]["vocab"].erase("<0x41>");
  ExpectRefused(json, "<0x41>");
  json = SmallSentenceJson();
  json["added_tokens"][0]["special"] = false;
  ExpectRefused(json, "added token");
}

TEST_F(TokenizerJsonTest, DamagedFilesAreRefused) {
  const std::string whole = SmallByteLevelJson().dump();
  for (const std::string& content :
       {std::string(), std::string("[]"), std::string("{}"),
        std::string("{\"model\": 3}"), whole.substr(0, whole.size() / 2)}) {
    dir_.Write("tokenizer.json", content);
    EXPECT_EQ(LoadTokenizer(dir_.path()).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
  Json json = SmallByteLevelJson();
  json["model"]["merges"] = {1, 2};
  ExpectRefused(json, "not a tokenizer.json");
  json = SmallByteLevelJson();
  json["model"]["vocab"]["he"] = "x";
  ExpectRefused(json, "not a tokenizer.json");
}

TEST_F(TokenizerJsonTest, SavedAndLoadedAreEqual) {
  for (const Json& json : {SmallByteLevelJson(), SmallSentenceJson()}) {
    const auto tokenizer = LoadOk(json);
    const TempDir other;
    ASSERT_TRUE(tokenizer->Save(other.path()).ok());
    const auto again = *LoadTokenizer(other.path());
    EXPECT_EQ(again->kind(), tokenizer->kind());
    EXPECT_EQ(again->bos(), tokenizer->bos());
    EXPECT_EQ(*again->Encode("hello  ab"), *tokenizer->Encode("hello  ab"));
  }
}

}  // namespace
}  // namespace perdure
