#include "runtime/data/byte_bpe.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/runtime/data/small_vocabulary.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class ByteBpeTest : public ::testing::Test {
 protected:
  std::unique_ptr<Tokenizer> LoadSmall() {
    dir_.Write("vocab.json", SmallVocab().dump());
    dir_.Write("merges.txt", kSmallMerges);
    auto tokenizer = LoadTokenizer(dir_.path());
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *std::move(tokenizer);
  }
  void ExpectRefused(const std::string& why) {
    const auto tokenizer = LoadTokenizer(dir_.path());
    EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr(why));
  }
  TempDir dir_;
};

TEST_F(ByteBpeTest, MergesApplyByRank) {
  const auto tokenizer = LoadSmall();
  EXPECT_EQ(tokenizer->vocab_size(), 262);
  EXPECT_EQ(tokenizer->eod(), 261);
  EXPECT_THAT(*tokenizer->Encode("hello world"),
              ElementsAre(259, 260, 'o', 'r', 'l', 'd'));
  EXPECT_THAT(*tokenizer->Encode("helllo"), ElementsAre(258, 'l', 'o'));
  EXPECT_THAT(*tokenizer->Encode("hellll"), ElementsAre(258, 257));
  EXPECT_THAT(*tokenizer->Encode(""), ElementsAre());
}

TEST_F(ByteBpeTest, AnyBytesComeBack) {
  const auto tokenizer = LoadSmall();
  uint32_t state = 1;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (int i = 0; i < round % 60; ++i) {
      state = state * 1664525 + 1013904223;
      // Half of it from a few letters, so that merges happen.
      text += state & 1 << 20 ? "helo w\n'"[state >> 29]
                              : static_cast<char>(state >> 24);
    }
    const auto ids = tokenizer->Encode(text);
    ASSERT_TRUE(ids.ok());
    ASSERT_EQ(*tokenizer->Decode(*ids), text);
  }
}

// Long words take the queue through many stale entries.
TEST_F(ByteBpeTest, LongWordsMergeFromTheLeft) {
  const auto tokenizer = LoadSmall();
  const auto ids = *tokenizer->Encode(std::string(10001, 'l'));
  ASSERT_EQ(ids.size(), 5001);
  EXPECT_EQ(ids[0], 257);
  EXPECT_EQ(ids[4999], 257);
  EXPECT_EQ(ids[5000], 'l');
}

TEST_F(ByteBpeTest, ThreadsEncodeAlike) {
  const auto tokenizer = LoadSmall();
  const std::string text = "hello world, hell hole he who hello";
  const auto expected = *tokenizer->Encode(text);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        wrong[t] += *tokenizer->Encode(text) != expected;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

TEST_F(ByteBpeTest, UnknownIdsAreOutOfRange) {
  const auto tokenizer = LoadSmall();
  EXPECT_EQ(tokenizer->Decode({262}).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(tokenizer->Decode({-1}).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(ByteBpeTest, FilesSayWhichTokensAreSpecial) {
  EXPECT_FALSE(LoadSmall()->bos().has_value());
  dir_.Write("special_tokens_map.json",
             R"({"eos_token": {"content": "hello"}, "bos_token": "he"})");
  EXPECT_EQ(LoadSmall()->eod(), 259);
  EXPECT_FALSE(LoadSmall()->bos().has_value());  // known, but not added
  dir_.Write("tokenizer_config.json",
             R"({"add_bos_token": true, "eos_token": "ll"})");
  EXPECT_EQ(LoadSmall()->eod(), 257);
  EXPECT_EQ(LoadSmall()->bos(), 256);
  // They travel with the rest.
  const TempDir other;
  ASSERT_TRUE(LoadSmall()->Save(other.path()).ok());
  EXPECT_THAT(*ListDirectory(other.path()),
              UnorderedElementsAre("merges.txt", "special_tokens_map.json",
                                   "tokenizer_config.json", "vocab.json"));
  const auto again = *LoadTokenizer(other.path());
  EXPECT_EQ(again->eod(), 257);
  EXPECT_EQ(again->bos(), 256);
}

TEST_F(ByteBpeTest, MissingBytesAreNamedWhenMet) {
  auto vocab = SmallVocab();
  vocab.erase("z");
  dir_.Write("vocab.json", vocab.dump());
  dir_.Write("merges.txt", kSmallMerges);
  const auto tokenizer = *LoadTokenizer(dir_.path());
  EXPECT_TRUE(tokenizer->Encode("hello").ok());
  const auto ids = tokenizer->Encode("zoo");
  EXPECT_EQ(ids.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(ids.status().message()), HasSubstr("0x7a"));
}

TEST_F(ByteBpeTest, DamagedFilesAreRefused) {
  dir_.Write("merges.txt", kSmallMerges);
  for (const char* content : {"", "[1]", "{\"a\": \"b\"}", "{\"a\": -4}",
                              "{\"a\": 1, \"b\": 1}", "{\"a\": 2000000000}"}) {
    dir_.Write("vocab.json", content);
    ExpectRefused("vocab.json");
  }
  LoadSmall();
  dir_.Write("merges.txt", "#version: 0.2\nh e\nx y\n");
  ExpectRefused("merge 1");
  dir_.Write("merges.txt", "h e l\n");
  ExpectRefused("not two tokens");
}

}  // namespace
}  // namespace perdure
