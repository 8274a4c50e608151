#ifndef PERDURE_RUNTIME_CONFIG_TEMPLATE_H_
#define PERDURE_RUNTIME_CONFIG_TEMPLATE_H_

// Text with named gaps, such as "{sentence} It was". "{{" and "}}" are braces.

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

class Template {
 public:
  // InvalidArgument: what is wrong, at which character (counted from 1).
  static absl::StatusOr<Template> Parse(absl::string_view text);

  // The names of the gaps, each once, in order.
  std::vector<std::string> Fields() const;

  // The text with `value(field)` in every gap, or the first error of `value`.
  absl::StatusOr<std::string> Render(
      absl::FunctionRef<
          absl::StatusOr<absl::string_view>(absl::string_view field)>
          value) const;

 private:
  struct Piece {
    std::string text;
    std::string field;  // that follows the text; "": none
  };
  std::vector<Piece> pieces_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_CONFIG_TEMPLATE_H_
