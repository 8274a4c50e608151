#include "checkpoint/convert/name_pattern.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace perdure {

absl::StatusOr<NamePattern> NamePattern::Parse(absl::string_view text) {
  NamePattern pattern;
  pattern.text_ = std::string(text);
  std::set<std::string> names;
  while (!text.empty()) {
    const size_t open = text.find('{');
    if (open != 0) {
      pattern.pieces_.push_back(
          {false, false, std::string(text.substr(0, open))});
      text.remove_prefix(std::min(open, text.size()));
      continue;
    }
    const size_t close = text.find('}');
    if (close == absl::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("pattern '", pattern.text_, "': '{' without '}'"));
    }
    absl::string_view name = text.substr(1, close - 1);
    const bool dots = absl::ConsumeSuffix(&name, "*");
    if (name.empty() || !names.insert(std::string(name)).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "pattern '", pattern.text_, "': '", text.substr(0, close + 1),
          name.empty() ? "' has no name" : "' is there twice"));
    }
    pattern.pieces_.push_back({true, dots, std::string(name)});
    text.remove_prefix(close + 1);
  }
  return pattern;
}

bool NamePattern::Has(const std::string& capture) const {
  return std::any_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
    return piece.hole && piece.text == capture;
  });
}

std::vector<std::string> NamePattern::captures() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.hole) names.push_back(piece.text);
  }
  return names;
}

bool NamePattern::MatchFrom(size_t piece, absl::string_view name,
                            Captures* captures) const {
  if (piece == pieces_.size()) return name.empty();
  const Piece& head = pieces_[piece];
  if (!head.hole) {
    return absl::ConsumePrefix(&name, head.text) &&
           MatchFrom(piece + 1, name, captures);
  }
  const size_t most =
      head.dots ? name.size() : std::min(name.find('.'), name.size());
  for (size_t length = head.dots ? 0 : 1; length <= most; ++length) {
    if (MatchFrom(piece + 1, name.substr(length), captures)) {
      (*captures)[head.text] = std::string(name.substr(0, length));
      return true;
    }
  }
  return false;
}

std::optional<Captures> NamePattern::Match(absl::string_view name) const {
  Captures captures;
  if (!MatchFrom(0, name, &captures)) return std::nullopt;
  return captures;
}

std::string NamePattern::Fill(const Captures& captures) const {
  std::string name;
  for (const Piece& piece : pieces_) {
    name += piece.hole ? captures.at(piece.text) : piece.text;
  }
  return name;
}

std::string NamePattern::Resemble(absl::string_view name) const {
  std::vector<std::string> numbers;
  for (size_t i = 0; i < name.size();) {
    size_t end = i;
    while (end < name.size() &&
           std::isdigit(static_cast<unsigned char>(name[end]))) {
      ++end;
    }
    if (end > i) numbers.emplace_back(name.substr(i, end - i));
    i = std::max(end, i + 1);
  }
  Captures captures;
  size_t next = 0;
  for (const std::string& capture : this->captures()) {
    captures[capture] =
        next < numbers.size() ? numbers[next++] : absl::StrCat("0");
  }
  return Fill(captures);
}

absl::string_view StripPrefixes(absl::string_view name,
                                const std::vector<std::string>& prefixes) {
  for (bool stripped = true; stripped;) {
    stripped = false;
    for (const std::string& prefix : prefixes) {
      stripped = absl::ConsumePrefix(&name, prefix) || stripped;
    }
  }
  return name;
}

NamePattern NamePattern::Without(
    const std::vector<std::string>& prefixes) const {
  NamePattern stripped = *this;
  if (pieces_.empty() || pieces_[0].hole) return stripped;
  std::string& first = stripped.pieces_[0].text;
  first = std::string(StripPrefixes(first, prefixes));
  return stripped;
}

}  // namespace perdure
