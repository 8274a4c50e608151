#ifndef PERDURE_LAUNCHER_DIAGNOSIS_RULE_BOOK_H_
#define PERDURE_LAUNCHER_DIAGNOSIS_RULE_BOOK_H_

// Rules of diagnosis, checked and ready to be matched. Immutable; any number of
// threads may match at once.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/diagnosis/rules.pb.h"
#include "runtime/base/status.h"

namespace perdure {

// The text of the rules that come with the program.
absl::string_view ShippedRulesText();

class RuleBook {
 public:
  // InvalidArgument names every problem as FILE:LINE: unknown fields, a rule
  // without a cause, a wrong pattern, an example that another rule explains.
  static absl::StatusOr<RuleBook> Parse(absl::string_view text,
                                        absl::string_view file);
  // The rules of `path`, then the shipped ones; "": the shipped ones.
  static absl::StatusOr<RuleBook> Load(const std::string& path);
  RuleBook(RuleBook&&) noexcept;
  RuleBook& operator=(RuleBook&&) noexcept;
  ~RuleBook();

  // In the order in which they are tried.
  const std::vector<DiagnosisRule>& rules() const { return rules_; }
  // Indices of the rules with a pattern that is found in `line`, ascending.
  // Lines are looked at as far as their first 4096 bytes.
  std::vector<int> Matching(absl::string_view line) const;

 private:
  struct Patterns;
  RuleBook(std::vector<DiagnosisRule> rules,
           std::unique_ptr<const Patterns> patterns);

  std::vector<DiagnosisRule> rules_;
  std::unique_ptr<const Patterns> patterns_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_DIAGNOSIS_RULE_BOOK_H_
