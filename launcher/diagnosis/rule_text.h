#ifndef PERDURE_LAUNCHER_DIAGNOSIS_RULE_TEXT_H_
#define PERDURE_LAUNCHER_DIAGNOSIS_RULE_TEXT_H_

// A rule file as a message, with the lines on which its rules begin. Private to
// launcher/diagnosis.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/diagnosis/rules.pb.h"

namespace perdure {

struct RuleText {
  DiagnosisRules rules;
  std::vector<int> lines;             // of each rule, from 1
  std::vector<std::string> problems;  // "FILE:LINE: ..."; none: it can be used
};

// Also checks what can be said of each rule alone.
RuleText ParseRuleText(absl::string_view text, absl::string_view file);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_DIAGNOSIS_RULE_TEXT_H_
