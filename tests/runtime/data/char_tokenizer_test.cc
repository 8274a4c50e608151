#include "runtime/data/char_tokenizer.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CharTokenizerTest, IdsFollowCodePoints) {
  const auto tokenizer = BuildCharTokenizer("caé b\n\xF0\x9F\xA6\x99").value();
  EXPECT_EQ(tokenizer->kind(), "char");
  EXPECT_EQ(tokenizer->vocab_size(), 7);  // \n space a b c é llama
  EXPECT_THAT(tokenizer->Encode("\n abcé\xF0\x9F\xA6\x99").value(),
              ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(tokenizer->Decode({5, 2, 6}).value(), "éa\xF0\x9F\xA6\x99");
  EXPECT_FALSE(tokenizer->eod().has_value());
  EXPECT_FALSE(tokenizer->bos().has_value());
}

TEST(CharTokenizerTest, UnknownCharacterIsNamed) {
  const auto tokenizer = BuildCharTokenizer("abc").value();
  const auto ids = tokenizer->Encode("ab€");
  EXPECT_EQ(ids.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(ids.status().message(), HasSubstr("U+20AC"));
  EXPECT_THAT(ids.status().message(), HasSubstr("byte 2"));
}

TEST(CharTokenizerTest, UnknownIdIsOutOfRange) {
  const auto tokenizer = BuildCharTokenizer("abc").value();
  EXPECT_EQ(tokenizer->Decode({0, 3}).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(tokenizer->Decode({-1}).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST(CharTokenizerTest, BytesThatAreNotUtf8AreRefused) {
  EXPECT_THAT(BuildCharTokenizer("ab\xFFxxxxxx").status().message(),
              HasSubstr("byte 2"));
  EXPECT_THAT(BuildCharTokenizer("ab\xC3").status().message(),
              HasSubstr("byte 2"));
  EXPECT_EQ(BuildCharTokenizer("").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(CharTokenizerTest, VocabularyDoesNotDependOnHowTextIsCut) {
  const std::string text = "aé€\xF0\x9F\xA6\x99z";
  const auto whole = BuildCharTokenizer(text).value();
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    CharVocabulary vocabulary;
    ASSERT_TRUE(vocabulary.Add(text.substr(0, cut)).ok()) << cut;
    ASSERT_TRUE(vocabulary.Add(text.substr(cut)).ok()) << cut;
    const auto cut_in_two = vocabulary.Build().value();
    EXPECT_EQ(cut_in_two->Encode(text).value(), whole->Encode(text).value());
  }
}

TEST(CharTokenizerTest, SavedAndLoadedAreEqual) {
  const TempDir dir;
  const std::string text = "He said: \"\\\"\té€\xF0\x9F\xA6\x99\r\n";
  const auto tokenizer = BuildCharTokenizer(text).value();
  ASSERT_TRUE(tokenizer->Save(dir.path()).ok());
  for (const std::string& path : {dir.path(), dir.File("chars.json")}) {
    const auto loaded = LoadTokenizer(path);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ((*loaded)->vocab_size(), tokenizer->vocab_size());
    EXPECT_EQ((*loaded)->Encode(text).value(), tokenizer->Encode(text).value());
  }
}

TEST(CharTokenizerTest, DamagedFileIsRefused) {
  const TempDir dir;
  for (const char* content : {"", "{", "[]", "{\"kind\": \"char\"}",
                              "{\"kind\": \"char\", \"chars\": []}",
                              "{\"kind\": \"char\", \"chars\": [\"b\", \"a\"]}",
                              "{\"kind\": \"char\", \"chars\": [\"ab\"]}",
                              "{\"kind\": \"char\", \"chars\": [7]}",
                              "{\"kind\": 5, \"chars\": [\"a\"]}"}) {
    const std::string path = dir.Write("chars.json", content);
    const auto loaded = LoadTokenizer(path);
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kFailedPrecondition)
        << content;
    EXPECT_THAT(loaded.status().message(), HasSubstr(path));
  }
}

TEST(CharTokenizerTest, MissingTokenizerListsWhatWasLookedFor) {
  const TempDir dir;
  const auto loaded = LoadTokenizer(dir.path());
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(loaded.status().message(), HasSubstr("chars.json"));
}

}  // namespace
}  // namespace perdure
