#ifndef PERDURE_RUNTIME_DATA_SENTENCE_BPE_H_
#define PERDURE_RUNTIME_DATA_SENTENCE_BPE_H_

// The BPE of SentencePiece as Llama uses it: symbols are characters, spaces are
// symbols like others, a character that is not in the vocabulary becomes the
// tokens of its UTF-8 bytes. A text starts with a space of its own ("dummy
// prefix"), which Decode drops where BOS comes before it. Control tokens (BOS,
// EOS, unknown) decode to nothing; spelt out in a text they are text.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/merge_table.h"
#include "runtime/data/tokenizer.h"
#include "runtime/data/tokenizer_parts.h"

namespace perdure {

enum class DummyPrefix { kNone, kAlways, kUnlessSpace };

struct SentenceBpeModel {
  std::string kind;                   // what Tokenizer::kind returns
  std::vector<std::string> tokens;    // id -> text, spaces as ' '
  std::vector<bool> control;          // id -> decodes to nothing
  std::array<int32_t, 256> byte_ids;  // all given
  MergeTable merges;
  DummyPrefix dummy_prefix = DummyPrefix::kAlways;
  bool underline_is_space = false;  // U+2581 in a text is read as a space
  SpecialIds special;
  std::vector<NamedFile> files;  // what Save writes
};

// Tokens that are neither control nor byte tokens, by their text.
TokenIds PlainTokens(const SentenceBpeModel& model);

std::unique_ptr<Tokenizer> MakeSentenceBpe(SentenceBpeModel model);

// The tokenizer.bin of llama2.c: int32 longest token, then per token float
// score, int32 length, bytes. 0 is unknown, 1 BOS, 2 EOS, 3 to 258 the bytes.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadLlama2cTokenizer(
    absl::string_view path);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_SENTENCE_BPE_H_
