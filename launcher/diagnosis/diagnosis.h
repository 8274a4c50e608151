#ifndef PERDURE_LAUNCHER_DIAGNOSIS_DIAGNOSIS_H_
#define PERDURE_LAUNCHER_DIAGNOSIS_DIAGNOSIS_H_

// From lines and facts to a cause.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/diagnosis/rule_book.h"

namespace perdure {

// What is known besides logs; empty: nothing.
struct Facts {
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string fault;      // FaultName()
  std::string phase;      // of the guilty rank
  std::string operation;  // its collective; "none" outside
};

struct Diagnosis {
  // Without a name: no rule matches, the rest says so.
  DiagnosisRule rule;
  std::string evidence;           // the line, or "" where facts were enough
  std::string origin;             // of the line: "rank 3"
  std::vector<std::string> also;  // later rules that match other lines
  bool known() const { return !rule.name().empty(); }
};

class Diagnoser {
 public:
  // `book` outlives it.
  explicit Diagnoser(const RuleBook* book) : book_(book) {}
  // Of several lines that match a rule, the first one given is its evidence:
  // give those of the guilty first.
  void Take(absl::string_view origin, absl::string_view line);
  Diagnosis Conclude(const Facts& facts) const;

 private:
  struct Evidence {
    std::string origin, line;
  };
  const RuleBook* book_;
  std::map<int, Evidence> first_;  // by rule
};

// Lines for people: cause, evidence, blame, remedy, retry.
std::string DiagnosisText(const Diagnosis& diagnosis);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_DIAGNOSIS_DIAGNOSIS_H_
