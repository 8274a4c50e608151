#include "runtime/data/pretokenize.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace perdure {
namespace {

std::vector<std::string> Words(WordPattern pattern, const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = WordEnd(pattern, text, at);
    EXPECT_GT(end, at);
    EXPECT_LE(end, text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

struct Case {
  std::string text;
  std::vector<std::string> gpt2, llama3, qwen2;
};

// Made with Hugging Face tokenizers 0.23.3, pre_tokenizers.Split.
std::vector<Case> Cases() {
  // clang-format off
  return {
    {"Hello world, it's 2026!",
     {"Hello", " world", ",", " it", "'s", " 2026", "!"},
     {"Hello", " world", ",", " it", "'s", " ", "202", "6", "!"},
     {"Hello", " world", ",", " it", "'s", " ", "2", "0", "2", "6", "!"}},
    {"  two  spaces   three\n\n\nlines  ",
     {" ", " two", " ", " spaces", "  ", " three", "\n\n", "\n", "lines", "  "},
     {" ", " two", " ", " spaces", "  ", " three", "\n\n\n", "lines", "  "},
     {" ", " two", " ", " spaces", "  ", " three", "\n\n\n", "lines", "  "}},
    {"I'll don'T we'VE 's'x'",
     {"I", "'ll", " don", "'", "T", " we", "'", "VE", " '", "s", "'", "x", "'"},
     {"I", "'ll", " don", "'T", " we", "'VE", " '", "s", "'x", "'"},
     {"I", "'ll", " don", "'T", " we", "'VE", " '", "s", "'x", "'"}},
    {"a\t\tb \r\n \n c",
     {"a", "\t", "\t", "b", " \r\n \n", " c"},
     {"a", "\t", "\tb", " \r\n \n", " c"},
     {"a", "\t", "\tb", " \r\n \n", " c"}},
    {"x=12345;y= 3\n}\n  z",
     {"x", "=", "12345", ";", "y", "=", " 3", "\n", "}", "\n ", " z"},
     {"x", "=", "123", "45", ";y", "=", " ", "3", "\n", "}\n", " ", " z"},
     {"x", "=", "1", "2", "3", "4", "5", ";y", "=", " ", "3", "\n", "}\n", " ", " z"}},
    {"na\303\257ve \346\227\245\346\234\254\350\252\236 \302\275\302\262 \342\205\247\302\240\342\200\203w",
     {"na\303\257ve", " \346\227\245\346\234\254\350\252\236", " \302\275\302\262", " \342\205\247", "\302\240", "\342\200\203", "w"},
     {"na\303\257ve", " \346\227\245\346\234\254\350\252\236", " ", "\302\275\302\262", " ", "\342\205\247", "\302\240", "\342\200\203w"},
     {"na\303\257ve", " \346\227\245\346\234\254\350\252\236", " ", "\302\275", "\302\262", " ", "\342\205\247", "\302\240", "\342\200\203w"}},
    {"...wow!!\n\n  ?",
     {"...", "wow", "!!", "\n\n ", " ?"},
     {"...", "wow", "!!\n\n", " ", " ?"},
     {"...", "wow", "!!\n\n", " ", " ?"}},
    {"(foo) _bar #1",
     {"(", "foo", ")", " _", "bar", " #", "1"},
     {"(foo", ")", " _", "bar", " #", "1"},
     {"(foo", ")", " _", "bar", " #", "1"}},
    {"e\314\201\314\201 \340\270\263 \360\237\246\231x",
     {"e", "\314\201\314\201", " \340\270\263", " \360\237\246\231", "x"},
     {"e", "\314\201\314\201", " \340\270\263", " \360\237\246\231", "x"},
     {"e", "\314\201\314\201", " \340\270\263", " \360\237\246\231", "x"}},
    {"  ",
     {"  "},
     {"  "},
     {"  "}},
    {" \n",
     {" \n"},
     {" \n"},
     {" \n"}},
    {"\302\205a\302\240 b",
     {"\302\205", "a", "\302\240", " b"},
     {"\302\205a", "\302\240", " b"},
     {"\302\205a", "\302\240", " b"}},
  };
  // clang-format on
}

TEST(PretokenizeTest, WordsAreThoseOfTheRegularExpressions) {
  for (const Case& c : Cases()) {
    EXPECT_EQ(Words(WordPattern::kGpt2, c.text), c.gpt2);
    EXPECT_EQ(Words(WordPattern::kLlama3, c.text), c.llama3);
    EXPECT_EQ(Words(WordPattern::kQwen2, c.text), c.qwen2);
  }
}

TEST(PretokenizeTest, AnyBytesAreCutIntoWords) {
  uint32_t state = 7;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < round % 40 + 1; ++i) {
      state = state * 1664525 + 1013904223;
      text += static_cast<char>(state >> 24);
    }
    for (const WordPattern pattern :
         {WordPattern::kGpt2, WordPattern::kLlama3, WordPattern::kQwen2}) {
      std::string joined;
      for (const std::string& word : Words(pattern, text)) joined += word;
      ASSERT_EQ(joined, text);
    }
  }
}

TEST(PretokenizeTest, PatternsAreFoundByTheirSpelling) {
  EXPECT_EQ(
      FindWordPattern(
          R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"),
      WordPattern::kGpt2);
  EXPECT_FALSE(FindWordPattern(R"(\p{L}+)").has_value());
}

}  // namespace
}  // namespace perdure
