#ifndef PERDURE_CHECKPOINT_CONVERT_NAME_PATTERN_H_
#define PERDURE_CHECKPOINT_CONVERT_NAME_PATTERN_H_

// Names with named holes: "h.{layer}.attn.c_attn.weight", "optimizer.{x*}".

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

using Captures = std::map<std::string, std::string>;

class NamePattern {
 public:
  // {x}: one or more characters but dots; {x*}: any characters, even none. Any
  // other character is itself. InvalidArgument for an unclosed or nameless hole
  // and a name that is there twice.
  static absl::StatusOr<NamePattern> Parse(absl::string_view text);

  const std::string& text() const { return text_; }
  bool Has(const std::string& capture) const;
  std::vector<std::string> captures() const;

  // What the holes stand for in a whole name; the first holes are as short as
  // possible.
  std::optional<Captures> Match(absl::string_view name) const;
  // The name with the holes filled; all are in `captures`.
  std::string Fill(const Captures& captures) const;

  // A name of this pattern that resembles `name`: its numbers fill the holes.
  // For suggestions.
  std::string Resemble(absl::string_view name) const;

  // Without these prefixes, however often they are before it.
  NamePattern Without(const std::vector<std::string>& prefixes) const;

 private:
  struct Piece {
    bool hole = false;
    bool dots = false;  // a hole that may be empty and may hold dots
    std::string text;   // literal, or the hole's name
  };
  bool MatchFrom(size_t piece, absl::string_view name,
                 Captures* captures) const;

  std::string text_;
  std::vector<Piece> pieces_;
};

// `name` without the prefixes, however often they are before it.
absl::string_view StripPrefixes(absl::string_view name,
                                const std::vector<std::string>& prefixes);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_NAME_PATTERN_H_
