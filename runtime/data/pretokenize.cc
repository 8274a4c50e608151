#include "runtime/data/pretokenize.h"

#include "runtime/data/utf8.h"

namespace perdure {
namespace {

constexpr char kGpt2Regex[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr char kLlama3Regex[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kQwen2Regex[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Character {
  CharClass char_class = CharClass::kSpace;
  size_t end = 0;  // 0: the text is over
};

Character At(absl::string_view text, size_t position) {
  if (position >= text.size()) return {};
  const CodePoint next = NextCodePoint(text, position);
  return {ClassOf(next.code_point), position + next.length};
}

bool Is(const Character& c, CharClass char_class) {
  return c.end > 0 && c.char_class == char_class;
}

// The end of the run of `char_class` from `position`, `most` characters long.
size_t RunEnd(absl::string_view text, size_t position, CharClass char_class,
              size_t most = SIZE_MAX) {
  for (size_t n = 0; n < most; ++n) {
    const Character c = At(text, position);
    if (!Is(c, char_class)) break;
    position = c.end;
  }
  return position;
}

bool IsNewline(char c) { return c == '\n' || c == '\r'; }

// 's 't 're 've 'm 'll 'd after an apostrophe at `begin`; 0: none of them.
size_t ContractionEnd(absl::string_view text, size_t begin, bool any_case) {
  const auto letter = [&](size_t i) {
    if (begin + i >= text.size()) return '\0';
    const char c = text[begin + i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char a = letter(1);
  const char b = letter(2);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return begin + 2;
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') ||
      (a == 'l' && b == 'l')) {
    return begin + 3;
  }
  return 0;
}

// \s+(?!\S)|\s+: all but the last of a run that something follows.
size_t WhiteSpaceEnd(absl::string_view text, size_t begin) {
  size_t last = begin;
  size_t end = begin;
  while (true) {
    const Character c = At(text, end);
    if (!Is(c, CharClass::kSpace)) break;
    last = end;
    end = c.end;
  }
  return end == text.size() || last == begin ? end : last;
}

size_t Gpt2WordEnd(absl::string_view text, size_t begin) {
  if (text[begin] == '\'') {
    const size_t end = ContractionEnd(text, begin, /*any_case=*/false);
    if (end > 0) return end;
  }
  const size_t start = text[begin] == ' ' ? begin + 1 : begin;
  const Character first = At(text, start);
  if (first.end > 0 && first.char_class != CharClass::kSpace) {
    return RunEnd(text, first.end, first.char_class);
  }
  return WhiteSpaceEnd(text, begin);
}

size_t Llama3WordEnd(absl::string_view text, size_t begin, size_t digits) {
  if (text[begin] == '\'') {
    const size_t end = ContractionEnd(text, begin, /*any_case=*/true);
    if (end > 0) return end;
  }
  const Character first = At(text, begin);
  if (first.char_class == CharClass::kLetter) {
    return RunEnd(text, first.end, CharClass::kLetter);
  }
  if (first.char_class == CharClass::kNumber) {
    return RunEnd(text, begin, CharClass::kNumber, digits);
  }
  const Character second = At(text, first.end);
  if (!IsNewline(text[begin]) && Is(second, CharClass::kLetter)) {
    return RunEnd(text, second.end, CharClass::kLetter);
  }
  const size_t start = text[begin] == ' ' ? begin + 1 : begin;
  size_t end = RunEnd(text, start, CharClass::kOther);
  if (end > start) {
    while (end < text.size() && IsNewline(text[end])) ++end;
    return end;
  }
  // \s*[\r\n]+ gives back what follows the run's last line break.
  end = RunEnd(text, begin, CharClass::kSpace);
  for (size_t at = end; at > begin; --at) {
    if (IsNewline(text[at - 1])) return at;
  }
  return WhiteSpaceEnd(text, begin);
}

}  // namespace

std::optional<WordPattern> FindWordPattern(absl::string_view regex) {
  if (regex == kGpt2Regex) return WordPattern::kGpt2;
  if (regex == kLlama3Regex) return WordPattern::kLlama3;
  if (regex == kQwen2Regex) return WordPattern::kQwen2;
  return std::nullopt;
}

size_t WordEnd(WordPattern pattern, absl::string_view text, size_t begin) {
  switch (pattern) {
    case WordPattern::kLlama3:
      return Llama3WordEnd(text, begin, 3);
    case WordPattern::kQwen2:
      return Llama3WordEnd(text, begin, 1);
    case WordPattern::kGpt2:
      break;
  }
  return Gpt2WordEnd(text, begin);
}

}  // namespace perdure
