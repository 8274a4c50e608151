#include "runtime/data/document_encoder.h"

#include "absl/strings/str_cat.h"
#include "runtime/data/utf8.h"

namespace perdure {
namespace {

constexpr int32_t kUnderline = 0x2581;
constexpr size_t kMostParts = 64;

bool AddsSpace(const Tokenizer& tokenizer) {
  const auto ids = tokenizer.Encode("a");
  if (!ids.ok()) return false;
  const auto text = tokenizer.Decode(*ids);
  return text.ok() && *text == " a";
}

// Which byte the character that has byte `at` starts with.
size_t CharacterStart(absl::string_view text, size_t at) {
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

// Is the character at `at` complete, no white space, and not the sign that some
// vocabularies read as a space?
bool IsOfWord(absl::string_view text, size_t at) {
  if (at >= text.size()) return false;
  const int32_t code_point = NextCodePoint(text, at).code_point;
  return code_point >= 0 && code_point != kUnderline &&
         ClassOf(code_point) != CharClass::kSpace;
}

}  // namespace

// All word patterns start a word at such a space, and the look-ahead of
// \s+(?!\S) sees no difference between it and the end of the text.
std::optional<size_t> SafeCut(absl::string_view text) {
  for (size_t at = text.size(); at-- > 1;) {
    if (text[at] == ' ' && IsOfWord(text, at + 1) &&
        IsOfWord(text, CharacterStart(text, at - 1))) {
      return at;
    }
  }
  return std::nullopt;
}

DocumentEncoder::DocumentEncoder(const Tokenizer* tokenizer,
                                 TokenFileWriter* writer,
                                 const Options& options)
    : tokenizer_(tokenizer),
      writer_(writer),
      options_(options),
      adds_space_(AddsSpace(*tokenizer)),
      cut_beyond_(options.part_bytes) {}

absl::Status DocumentEncoder::Add(absl::string_view piece) {
  pending_.append(piece.data(), piece.size());
  if (pending_.size() <= cut_beyond_) return absl::OkStatus();
  std::optional<size_t> cut = SafeCut(pending_);
  // The tokenizer gives the next part its space back.
  const bool drop = cut.has_value() && adds_space_;
  if (!cut.has_value()) {
    cut_beyond_ *= 2;  // each look goes over all of it: look rarely
    if (cut_beyond_ <= kMostParts * options_.part_bytes) {
      return absl::OkStatus();
    }
    cut = CharacterStart(pending_, pending_.size() - 1);
    if (*cut == 0) return absl::OkStatus();
  }
  RETURN_IF_ERROR(Encode(absl::string_view(pending_).substr(0, *cut)));
  pending_.erase(0, *cut + (drop ? 1 : 0));
  cut_beyond_ = options_.part_bytes;
  return absl::OkStatus();
}

absl::Status DocumentEncoder::EndDocument() {
  if (!pending_.empty()) RETURN_IF_ERROR(Encode(pending_));
  pending_.clear();
  if (in_document_ && options_.after.has_value()) {
    RETURN_IF_ERROR(Append({*options_.after}));
  }
  in_document_ = false;
  cut_beyond_ = options_.part_bytes;
  return absl::OkStatus();
}

absl::Status DocumentEncoder::Encode(absl::string_view text) {
  if (!in_document_) {
    in_document_ = true;
    ++documents_;
    writer_->StartDocument();
    if (options_.before.has_value()) {
      RETURN_IF_ERROR(Append({*options_.before}));
    }
  }
  auto ids = tokenizer_->Encode(text);
  if (!ids.ok()) {
    return Annotate(ids.status(), absl::StrCat("document ", documents_));
  }
  return Append(*ids);
}

absl::Status DocumentEncoder::Append(const std::vector<int32_t>& ids) {
  tokens_ += static_cast<int64_t>(ids.size());
  return writer_->Append(ids.data(), static_cast<int64_t>(ids.size()));
}

}  // namespace perdure
