#ifndef PERDURE_CHECKPOINT_CONVERT_RULE_SETS_H_
#define PERDURE_CHECKPOINT_CONVERT_RULE_SETS_H_

// The sets of rules that come with the program, compiled in as text, and those
// of files.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/convert/rules.pb.h"
#include "runtime/base/status.h"

namespace perdure {

struct RuleSetText {
  const char* name;  // "megatron-gpt2": its file in checkpoint/convert/rules
  const char* text;
};
// Sorted by name.
std::vector<RuleSetText> ShippedRuleSets();

// InvalidArgument with file:line where the text is wrong, unknown fields with
// the nearest names.
absl::StatusOr<ConversionRules> ParseRules(absl::string_view text,
                                           absl::string_view file_name);

// A shipped set by its name, or else a file. NotFound with the nearest names.
absl::StatusOr<ConversionRules> LoadRules(absl::string_view name_or_path);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_RULE_SETS_H_
