#include "runtime/config/template.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

absl::Status BadTemplate(size_t at, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("character ", at + 1, ": ", what));
}

}  // namespace

absl::StatusOr<Template> Template::Parse(absl::string_view text) {
  Template parsed;
  Piece piece;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      piece.text += c;
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == c) {
      piece.text += c;
      ++i;
      continue;
    }
    if (c == '}') {
      return BadTemplate(i, "'}' closes nothing; write '}}' for a brace");
    }
    const size_t end = text.find_first_of("{}", i + 1);
    if (end == absl::string_view::npos || text[end] == '{') {
      return BadTemplate(
          i, "'{' is not closed; write {field}, or '{{' for a brace");
    }
    if (end == i + 1) {
      return BadTemplate(i, "{} names no field; write {field}");
    }
    piece.field = std::string(text.substr(i + 1, end - i - 1));
    parsed.pieces_.push_back(std::move(piece));
    piece = Piece();
    i = end;
  }
  if (!piece.text.empty()) parsed.pieces_.push_back(std::move(piece));
  return parsed;
}

std::vector<std::string> Template::Fields() const {
  std::vector<std::string> fields;
  for (const Piece& piece : pieces_) {
    if (piece.field.empty() || absl::c_linear_search(fields, piece.field)) {
      continue;
    }
    fields.push_back(piece.field);
  }
  return fields;
}

absl::StatusOr<std::string> Template::Render(
    absl::FunctionRef<absl::StatusOr<absl::string_view>(absl::string_view)>
        value) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.text;
    if (piece.field.empty()) continue;
    ASSIGN_OR_RETURN(const absl::string_view filled, value(piece.field));
    absl::StrAppend(&text, filled);
  }
  return text;
}

}  // namespace perdure
