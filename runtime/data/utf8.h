#ifndef PERDURE_RUNTIME_DATA_UTF8_H_
#define PERDURE_RUNTIME_DATA_UTF8_H_

// Code points of UTF-8 text and the three classes that tokenizers ask for.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

// The code point that starts at text[position] and its length in bytes. Bytes
// that are not UTF-8 come back one at a time with code_point -1.
struct CodePoint {
  int32_t code_point = -1;
  size_t length = 1;
};
CodePoint NextCodePoint(absl::string_view text, size_t position);

// Appends the UTF-8 of a valid code point.
void AppendUtf8(int32_t code_point, std::string* text);

// Unicode's normal form C; text that is not UTF-8 comes back as it is.
std::string NormalizeNfc(absl::string_view text);

// \p{L}, \p{N}, \s (White_Space) and everything else, invalid bytes included.
enum class CharClass : uint8_t { kLetter, kNumber, kSpace, kOther };
CharClass ClassOf(int32_t code_point);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_UTF8_H_
