#ifndef PERDURE_RUNTIME_DATA_BYTE_BPE_H_
#define PERDURE_RUNTIME_DATA_BYTE_BPE_H_

// Byte-level BPE (Radford et al. 2019): text is cut into words, the bytes of a
// word are merged. Every byte sequence has an encoding, and decoding returns it
// exactly.
//
// Special tokens that are spelt out in a text, such as <|endoftext|>, are text:
// data cannot end a document. When decoded they come out as they are spelt.
// Tokens that a vocabulary adds without calling them special are matched first,
// the longest at each place.

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/data/merge_table.h"
#include "runtime/data/pretokenize.h"
#include "runtime/data/tokenizer.h"
#include "runtime/data/tokenizer_parts.h"

namespace perdure {

struct ByteBpeModel {
  std::vector<std::string> tokens;    // id -> bytes; empty: no such id
  std::array<int32_t, 256> byte_ids;  // -1: the vocabulary lacks the byte
  MergeTable merges;
  WordPattern pattern = WordPattern::kGpt2;
  bool add_prefix_space = false;   // a text starts with a space, always
  bool whole_words_first = false;  // a word that is a token is not merged
  bool normalize_nfc = false;
  std::vector<std::pair<std::string, int32_t>> added;  // matched in the text
  SpecialIds special;
  std::vector<NamedFile> files;  // what Save writes
};

// Gives `id` its bytes. FailedPrecondition, naming `path`, for an impossible id
// or one that has bytes already.
absl::Status AddByteToken(absl::string_view path, int32_t id,
                          absl::string_view bytes, ByteBpeModel* model);

// Adds all of a vocabulary, which is spelt in the byte alphabet.
absl::Status AddByteVocabulary(absl::string_view path, const TokenIds& ids,
                               ByteBpeModel* model);

std::unique_ptr<Tokenizer> MakeByteBpe(ByteBpeModel model);

// vocab.json + merges.txt, or encoder.json + vocab.bpe.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadGpt2Files(
    absl::string_view vocab_path, absl::string_view merges_path);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_BYTE_BPE_H_
