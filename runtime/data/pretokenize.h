#ifndef PERDURE_RUNTIME_DATA_PRETOKENIZE_H_
#define PERDURE_RUNTIME_DATA_PRETOKENIZE_H_

// How byte-level BPE cuts text into words before it merges: the regular
// expressions of the published tokenizers, written by hand.
//
//  GPT-2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+
//           |\s+(?!\S)|\s+
//  Llama 3  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
//           | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
//  Qwen 2   Llama 3's with \p{N} for \p{N}{1,3}

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace perdure {

enum class WordPattern { kGpt2, kLlama3, kQwen2 };

// The pattern whose regular expression this is, as tokenizer.json spells it.
std::optional<WordPattern> FindWordPattern(absl::string_view regex);

// The end of the word that starts at `begin` < text.size(). Words follow each
// other without gaps.
size_t WordEnd(WordPattern pattern, absl::string_view text, size_t begin);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_PRETOKENIZE_H_
