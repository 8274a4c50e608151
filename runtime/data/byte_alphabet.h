#ifndef PERDURE_RUNTIME_DATA_BYTE_ALPHABET_H_
#define PERDURE_RUNTIME_DATA_BYTE_ALPHABET_H_

// GPT-2's way to write any bytes as printable text: 188 bytes stand for
// themselves (as Latin-1), the other 68 for U+0100 and up in ascending order.
// (GPT-2's encoder.py, bytes_to_unicode.)

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

// The code point that stands for `byte`.
int32_t AlphabetCodePoint(uint8_t byte);

// UTF-8 of the characters that stand for `bytes`.
std::string ToByteAlphabet(absl::string_view bytes);

// The bytes again; nullopt if a character of `text` is not of the alphabet.
std::optional<std::string> FromByteAlphabet(absl::string_view text);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_BYTE_ALPHABET_H_
