// Published vocabularies against ids and texts that other programs made.

#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/data/token_file.h"
#include "runtime/data/tokenizer.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;

std::string Data(const std::string& name) {
  return std::string(PERDURE_DATA_DIR) + "/" + name;
}

std::unique_ptr<Tokenizer> Load(const std::string& name) {
  auto tokenizer = LoadTokenizer(Data(name));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

struct Golden {
  std::string text;
  std::vector<int32_t> ids;
};

std::vector<Golden> ReadGoldens() {
  const std::string input = *ReadFile(Data("tokenizer-goldens/gpt2.inp"));
  const std::string output = *ReadFile(Data("tokenizer-goldens/gpt2.out"));
  std::vector<Golden> goldens;
  for (const auto text : absl::StrSplit(input, "\n__ggml_vocab_test__\n")) {
    goldens.push_back({std::string(text), {}});
  }
  const std::vector<std::string> lines = absl::StrSplit(output, '\n');
  // Each text is ended by the marker: nothing follows the last one.
  EXPECT_EQ(goldens.back().text, "");
  goldens.pop_back();
  for (size_t i = 0; i < goldens.size(); ++i) {
    std::istringstream line(lines[i]);
    for (int32_t id; line >> id;) goldens[i].ids.push_back(id);
  }
  return goldens;
}

TEST(GoldenTokenizerTest, Gpt2MatchesAllGoldens) {
  const auto tokenizer = Load("gpt2-bpe");
  EXPECT_EQ(tokenizer->kind(), "byte_bpe");
  EXPECT_EQ(tokenizer->vocab_size(), 50257);
  EXPECT_EQ(tokenizer->eod(), 50256);
  EXPECT_FALSE(tokenizer->bos().has_value());
  const std::vector<Golden> goldens = ReadGoldens();
  ASSERT_EQ(goldens.size(), 46);
  for (const Golden& golden : goldens) {
    EXPECT_EQ(*tokenizer->Encode(golden.text), golden.ids) << golden.text;
    EXPECT_EQ(*tokenizer->Decode(golden.ids), golden.text);
  }
}

// No goldens exist for OPT: its merges are GPT-2's, its ids are not.
TEST(GoldenTokenizerTest, OptSpellsTheSameTokens) {
  const auto gpt2 = Load("gpt2-bpe");
  const auto opt = Load("opt-bpe");
  EXPECT_EQ(opt->vocab_size(), 50265);
  EXPECT_EQ(opt->eod(), 2);
  EXPECT_EQ(opt->bos(), 2);
  for (const Golden& golden : ReadGoldens()) {
    const auto ids = *opt->Encode(golden.text);
    ASSERT_EQ(ids.size(), golden.ids.size()) << golden.text;
    for (size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(*opt->Decode({ids[i]}), *gpt2->Decode({golden.ids[i]}));
    }
  }
  EXPECT_THAT(*opt->Encode(" the."), ElementsAre(5, 4));
}

// llm.c made these ids from the same text with tiktoken.
TEST(GoldenTokenizerTest, LlmcTokensOfShakespeareComeOutAgain) {
  const auto tokenizer = Load("gpt2-bpe");
  const auto file =
      OpenTokenFile(Data("llmc-bin/tiny_shakespeare_train.bin")).value();
  std::vector<int32_t> ids(file->size());
  file->Read(0, file->size(), ids.data());
  std::vector<int32_t> document;
  for (size_t i = 0; i <= ids.size(); ++i) {
    if (i < ids.size() && ids[i] != *tokenizer->eod()) {
      document.push_back(ids[i]);
      continue;
    }
    const std::string text = *tokenizer->Decode(document);
    ASSERT_EQ(*tokenizer->Encode(text), document) << text;
    document.clear();
  }
}

TEST(GoldenTokenizerTest, MegatronsTinyVocabularyLoadsByFile) {
  const auto tokenizer = Load("megatron-bin-idx/gpt2-tiny-vocab.json");
  EXPECT_EQ(tokenizer->vocab_size(), 5000);
  EXPECT_EQ(tokenizer->eod(), 4999);
  const auto by_merges = Load("megatron-bin-idx/gpt2-tiny-merges.txt");
  const std::string text = "The quick brown fox, 1999!\n";
  EXPECT_EQ(*by_merges->Encode(text), *tokenizer->Encode(text));
  EXPECT_EQ(*tokenizer->Decode(*tokenizer->Encode(text)), text);
}

TEST(GoldenTokenizerTest, Stories260KTextComesOutOfItsIds) {
  const auto tokenizer = Load("stories260K/tok512.bin");
  EXPECT_EQ(tokenizer->kind(), "llama2c");
  EXPECT_EQ(tokenizer->vocab_size(), 512);
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eod(), 2);
  const auto json = nlohmann::json::parse(
      *ReadFile(Data("stories260K/golden_greedy_ids.json")));
  const auto ids = json.get<std::vector<int32_t>>();
  ASSERT_EQ(ids.size(), 201);
  const std::string golden =
      *ReadFile(Data("stories260K/golden_greedy_200.txt"));
  EXPECT_EQ(*tokenizer->Decode(ids), golden);
}

// llama2.c's algorithm as it is written: try all neighbours, merge the best.
std::vector<int32_t> Llama2cEncode(const std::vector<std::string>& vocab,
                                   const std::vector<float>& scores,
                                   const std::string& text) {
  const auto find = [&](const std::string& piece) {
    for (size_t id = 3; id < vocab.size(); ++id) {
      if (vocab[id] == piece) return static_cast<int32_t>(id);
    }
    return -1;
  };
  std::vector<int32_t> ids;
  for (const char c : " " + text) {  // ASCII
    const int32_t id = find(std::string(1, c));
    ids.push_back(id >= 0 ? id : static_cast<uint8_t>(c) + 3);
  }
  while (true) {
    float best = -1e10;
    int best_id = -1;
    size_t best_at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const int32_t id = find(vocab[ids[i]] + vocab[ids[i + 1]]);
      if (id >= 0 && scores[id] > best) {
        best = scores[id];
        best_id = id;
        best_at = i;
      }
    }
    if (best_id < 0) return ids;
    ids[best_at] = best_id;
    ids.erase(ids.begin() + best_at + 1);
  }
}

TEST(GoldenTokenizerTest, Llama2cEncodingIsTheGreedyOne) {
  const std::string bytes = *ReadFile(Data("stories260K/tok512.bin"));
  std::vector<std::string> vocab;
  std::vector<float> scores;
  for (size_t at = 4; at < bytes.size();) {
    float score;
    int32_t length;
    std::memcpy(&score, &bytes[at], 4);
    std::memcpy(&length, &bytes[at + 4], 4);
    scores.push_back(score);
    vocab.push_back(bytes.substr(at + 8, length));
    at += 8 + length;
  }
  const auto tokenizer = Load("stories260K/tok512.bin");
  const std::string story =
      *ReadFile(Data("stories260K/golden_greedy_200.txt"));
  for (const std::string& text :
       {story, std::string("Hello  world,   twice!\n\n"), std::string(" "),
        std::string("trailing   "), std::string("aaaaaaaaaaa"),
        std::string("Zq#xj \t~")}) {
    EXPECT_EQ(*tokenizer->Encode(text), Llama2cEncode(vocab, scores, text))
        << text;
    EXPECT_EQ(*tokenizer->Decode(*tokenizer->Encode(text)), " " + text);
  }
  // Bytes of what is not in the vocabulary: 0xF0 is id 3 + 240.
  const auto ids = *tokenizer->Encode("\xF0\x9F\xA6\x99");
  EXPECT_EQ(ids[ids.size() - 4], 243);
  EXPECT_EQ(*tokenizer->Decode(ids), " \xF0\x9F\xA6\x99");
}

TEST(GoldenTokenizerTest, SavedTokenizersAreEqual) {
  const std::string text = *ReadFile(Data("tokenizer-goldens/gpt2.inp"));
  for (const char* name : {"gpt2-bpe", "opt-bpe", "stories260K/tok512.bin",
                           "megatron-bin-idx/gpt2-tiny-vocab.json"}) {
    const TempDir dir;
    const auto tokenizer = Load(name);
    ASSERT_TRUE(tokenizer->Save(dir.path()).ok());
    const auto again = LoadTokenizer(dir.path());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ((*again)->kind(), tokenizer->kind());
    EXPECT_EQ((*again)->vocab_size(), tokenizer->vocab_size());
    EXPECT_EQ((*again)->eod(), tokenizer->eod()) << name;
    EXPECT_EQ((*again)->bos(), tokenizer->bos()) << name;
    EXPECT_EQ(*(*again)->Encode(text), *tokenizer->Encode(text));
  }
}

TEST(GoldenTokenizerTest, SpecialTokensInATextAreText) {
  const auto gpt2 = Load("gpt2-bpe");
  const auto ids = *gpt2->Encode("<|endoftext|>");
  EXPECT_GT(ids.size(), 1);
  EXPECT_EQ(*gpt2->Decode(ids), "<|endoftext|>");
  EXPECT_EQ(*gpt2->Decode({50256}), "<|endoftext|>");
}

}  // namespace
}  // namespace perdure
