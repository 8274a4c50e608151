#include "runtime/data/char_tokenizer.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/data/utf8.h"

namespace perdure {
namespace {

constexpr size_t kLongestUtf8 = 4;

class CharTokenizer : public Tokenizer {
 public:
  // `chars`: ascending code points, at least one.
  explicit CharTokenizer(const std::vector<int32_t>& chars) {
    ids_.assign(chars.back() + 1, -1);
    for (const int32_t code_point : chars) {
      ids_[code_point] = static_cast<int32_t>(texts_.size());
      texts_.emplace_back();
      AppendUtf8(code_point, &texts_.back());
    }
  }

  std::string kind() const override { return "char"; }
  int32_t vocab_size() const override {
    return static_cast<int32_t>(texts_.size());
  }
  std::optional<int32_t> eod() const override { return std::nullopt; }
  std::optional<int32_t> bos() const override { return std::nullopt; }

  absl::StatusOr<std::vector<int32_t>> Encode(
      absl::string_view text) const override {
    std::vector<int32_t> ids;
    ids.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
      const CodePoint next = NextCodePoint(text, at);
      const bool in_table = next.code_point >= 0 &&
                            next.code_point < static_cast<int32_t>(ids_.size());
      const int32_t id = in_table ? ids_[next.code_point] : -1;
      if (id < 0) return Unknown(text, at, next);
      ids.push_back(id);
      at += next.length;
    }
    return ids;
  }

  absl::StatusOr<std::string> Decode(
      const std::vector<int32_t>& ids) const override {
    std::string text;
    for (const int32_t id : ids) {
      if (id < 0 || id >= vocab_size()) {
        return absl::OutOfRangeError(
            absl::StrCat("token id ", id, " is not in the vocabulary of ",
                         vocab_size(), " characters"));
      }
      text += texts_[id];
    }
    return text;
  }

  absl::Status Save(absl::string_view directory) const override {
    // ASCII only: no editor and no locale can change what the file says.
    const nlohmann::json json = {{"kind", "char"}, {"chars", texts_}};
    return WriteFileAtomically(JoinPath(directory, kCharsFileName),
                               json.dump(1, ' ', /*ensure_ascii=*/true) + "\n");
  }

 private:
  absl::Status Unknown(absl::string_view text, size_t at,
                       CodePoint next) const {
    if (next.code_point < 0) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "byte %d of the text (0x%02x) is not UTF-8; convert the text to "
          "UTF-8, or use a byte-level BPE tokenizer",
          at, static_cast<uint8_t>(text[at])));
    }
    return absl::InvalidArgumentError(absl::StrFormat(
        "character %s (U+%04X) at byte %d is not among the %d of the "
        "vocabulary; build the vocabulary from text that has it",
        JsonString(text.substr(at, next.length)), next.code_point, at,
        vocab_size()));
  }

  std::vector<int32_t> ids_;        // code point -> id, -1: none
  std::vector<std::string> texts_;  // id -> UTF-8
};

absl::Status BadCharsFile(absl::string_view path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": ", why,
      "; expected {\"kind\": \"char\", \"chars\": [...]} with "
      "single characters in ascending order; write it anew with perdure-data "
      "prepare --tokenizer char"));
}

}  // namespace

absl::Status CharVocabulary::Add(absl::string_view piece) {
  std::string joined;
  if (!rest_.empty()) {
    joined = absl::StrCat(rest_, piece);
    piece = joined;
  }
  size_t at = 0;
  while (at < piece.size()) {
    const CodePoint next = NextCodePoint(piece, at);
    if (next.code_point < 0) {
      if (piece.size() - at < kLongestUtf8) break;  // may go on in the next
      return absl::FailedPreconditionError(
          absl::StrCat("byte ", bytes_ + at,
                       " of the text is not UTF-8; convert it, or use "
                       "a byte-level BPE tokenizer"));
    }
    seen_->set(next.code_point);
    at += next.length;
  }
  rest_ = std::string(piece.substr(at));
  bytes_ += at;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Tokenizer>> CharVocabulary::Build() const {
  if (!rest_.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("byte ", bytes_,
                     " of the text is not UTF-8; convert it, "
                     "or use a byte-level BPE tokenizer"));
  }
  std::vector<int32_t> chars;
  for (int32_t c = 0; c < kCodePoints; ++c) {
    if (seen_->test(c)) chars.push_back(c);
  }
  if (chars.empty()) {
    return absl::FailedPreconditionError(
        "the text is empty: there is no character to build a vocabulary from");
  }
  return std::make_unique<CharTokenizer>(chars);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> BuildCharTokenizer(
    absl::string_view text) {
  CharVocabulary vocabulary;
  RETURN_IF_ERROR(vocabulary.Add(text));
  return vocabulary.Build();
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadCharTokenizer(
    absl::string_view path) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const auto json = nlohmann::json::parse(content, nullptr,
                                          /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("kind", nlohmann::json()) != "char" ||
      !json.contains("chars") || !json["chars"].is_array()) {
    return BadCharsFile(path, "not a character vocabulary");
  }
  std::vector<int32_t> chars;
  for (const auto& item : json["chars"]) {
    const std::string text = item.is_string() ? item.get<std::string>() : "";
    const CodePoint next = text.empty() ? CodePoint{} : NextCodePoint(text, 0);
    if (next.code_point < 0 || next.length != text.size() ||
        (!chars.empty() && chars.back() >= next.code_point)) {
      return BadCharsFile(path, absl::StrCat("entry ", chars.size(), " (",
                                             item.dump(), ") is not allowed"));
    }
    chars.push_back(next.code_point);
  }
  if (chars.empty()) return BadCharsFile(path, "it has no characters");
  return std::make_unique<CharTokenizer>(chars);
}

}  // namespace perdure
