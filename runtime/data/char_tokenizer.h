#ifndef PERDURE_RUNTIME_DATA_CHAR_TOKENIZER_H_
#define PERDURE_RUNTIME_DATA_CHAR_TOKENIZER_H_

// One id per Unicode code point, in ascending order of code points. No special
// tokens. Stored as chars.json: {"kind": "char", "chars": ["\n", " ", ...]}.

#include <bitset>
#include <memory>

#include "runtime/data/tokenizer.h"

namespace perdure {

inline constexpr char kCharsFileName[] = "chars.json";

// Collects a vocabulary from text that comes in pieces, cut anywhere.
class CharVocabulary {
 public:
  // FailedPrecondition names the byte offset of what is not UTF-8.
  absl::Status Add(absl::string_view piece);
  // FailedPrecondition for text that ends inside a character, or is empty.
  absl::StatusOr<std::unique_ptr<Tokenizer>> Build() const;

 private:
  static constexpr int32_t kCodePoints = 0x110000;
  std::unique_ptr<std::bitset<kCodePoints>> seen_ =
      std::make_unique<std::bitset<kCodePoints>>();
  std::string rest_;    // an incomplete character at the end of the last piece
  uint64_t bytes_ = 0;  // before rest_
};

// Reads a chars.json.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadCharTokenizer(
    absl::string_view path);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_CHAR_TOKENIZER_H_
