#include "runtime/data/document_encoder.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/runtime/data/small_vocabulary.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;

TEST(SafeCutTest, CutsBeforeALoneSpaceBetweenWords) {
  EXPECT_EQ(SafeCut("ab cd"), 2);
  EXPECT_EQ(SafeCut("ab cd ef"), 5);
  EXPECT_EQ(SafeCut("ab cd "), 2);    // what follows is not known
  EXPECT_EQ(SafeCut("ab cd  e"), 2);  // not in a run of spaces
  EXPECT_EQ(SafeCut("ab cd\n e"), 2);
  EXPECT_EQ(SafeCut("\xC3\xA9 \xC3\xA9"), 2);
  EXPECT_EQ(SafeCut("ab \xC3"), std::nullopt);      // an incomplete character
  EXPECT_EQ(SafeCut("a\xC2\xA0 b"), std::nullopt);  // U+00A0 is white space
  EXPECT_EQ(SafeCut("abcd"), std::nullopt);
  EXPECT_EQ(SafeCut(" a"), std::nullopt);
}

// Keeps the ids in memory.
class VectorWriter : public TokenFileWriter {
 public:
  absl::Status Append(const int32_t* more, int64_t n) override {
    ids.insert(ids.end(), more, more + n);
    return absl::OkStatus();
  }
  void StartDocument() override {
    documents.push_back(static_cast<int64_t>(ids.size()));
  }
  absl::Status Finish() override { return absl::OkStatus(); }
  std::vector<int32_t> ids;
  std::vector<int64_t> documents;
};

std::vector<int32_t> EncodeInPieces(const Tokenizer& tokenizer,
                                    const std::string& text, size_t piece,
                                    size_t part) {
  VectorWriter writer;
  DocumentEncoder::Options options;
  options.part_bytes = part;
  DocumentEncoder encoder(&tokenizer, &writer, options);
  for (size_t at = 0; at < text.size(); at += piece) {
    EXPECT_TRUE(encoder.Add(text.substr(at, piece)).ok());
  }
  EXPECT_TRUE(encoder.EndDocument().ok());
  EXPECT_EQ(static_cast<int64_t>(writer.ids.size()), encoder.tokens());
  return writer.ids;
}

std::vector<std::unique_ptr<Tokenizer>> SmallTokenizers() {
  const TempDir dir;
  auto prefix_free = SmallSentenceJson();
  prefix_free["normalizer"] = prefix_free["normalizer"]["normalizers"][1];
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  for (const auto& json :
       {SmallByteLevelJson(), SmallSentenceJson(), prefix_free}) {
    tokenizers.push_back(
        LoadTokenizer(dir.Write("tokenizer.json", json.dump())).value());
  }
  return tokenizers;
}

TEST(DocumentEncoderTest, PartsDoNotChangeTheIds) {
  uint32_t state = 3;
  const std::vector<std::string> words = {
      " ",    "  ", "\n", " \n ",      "hello",    " world",       "ab",
      " a b", "'s", " '", "\xC3\xA9 ", "\xC2\xA0", "\xE2\x96\x81 "};
  for (const auto& tokenizer : SmallTokenizers()) {
    for (int round = 0; round < 60; ++round) {
      std::string text;
      for (int i = 0; i < 60; ++i) {
        state = state * 1664525 + 1013904223;
        text += words[(state >> 16) % words.size()];
      }
      const auto whole = *tokenizer->Encode(text);
      for (const size_t piece : {1, 7, 1000}) {
        ASSERT_EQ(EncodeInPieces(*tokenizer, text, piece, 16), whole)
            << tokenizer->kind() << ": " << text;
      }
    }
  }
}

TEST(DocumentEncoderTest, TextWithoutSpacesIsCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "\xE6\x97\xA5";
  const auto tokenizer = BuildCharTokenizer(text).value();
  const auto ids = EncodeInPieces(*tokenizer, text, 100, 16);
  EXPECT_EQ(ids, std::vector<int32_t>(3000, 0));
}

TEST(DocumentEncoderTest, DocumentsAreMarkedAndEmptyOnesLeftOut) {
  const auto tokenizer = BuildCharTokenizer("abcde").value();
  VectorWriter writer;
  DocumentEncoder::Options options;
  options.before = 3;
  options.after = 4;
  DocumentEncoder encoder(tokenizer.get(), &writer, options);
  for (const char* document : {"", "ab", "", "c"}) {
    ASSERT_TRUE(encoder.Add(document).ok());
    ASSERT_TRUE(encoder.EndDocument().ok());
  }
  EXPECT_EQ(encoder.documents(), 2);
  EXPECT_THAT(writer.documents, ElementsAre(0, 4));
  EXPECT_THAT(writer.ids, ElementsAre(3, 0, 1, 4, 3, 2, 4));
}

}  // namespace
}  // namespace perdure
