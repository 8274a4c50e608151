#ifndef PERDURE_RUNTIME_CONFIG_TEXT_PARSER_H_
#define PERDURE_RUNTIME_CONFIG_TEXT_PARSER_H_

// Text format with all of a text's problems. Private to runtime/config.

#include <set>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace perdure {

// Problems by (line from 1, text), so that a second pass adds only new ones.
using TextProblems = std::set<std::pair<int, std::string>>;

// Parses into `message`, which is cleared. Unknown fields do not end the
// parsing, nor do wrong values that are alone on their line; other errors do.
TextProblems ParseText(absl::string_view text,
                       google::protobuf::Message* message);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_CONFIG_TEXT_PARSER_H_
