#include "launcher/diagnosis/diagnosis.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace perdure {
namespace {

constexpr size_t kAlso = 4;
constexpr size_t kEvidenceBytes = 300;

template <typename Values, typename Value>
bool Contains(const Values& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// A kind of fact that the rule names must be known and as it says.
bool FactsMatch(const DiagnosisRule& rule, const Facts& facts) {
  const auto code = [](const auto& wanted, const std::optional<int>& value) {
    return wanted.empty() || (value.has_value() && Contains(wanted, *value));
  };
  const auto word = [](const auto& wanted, const std::string& value) {
    return wanted.empty() || Contains(wanted, value);
  };
  return code(rule.exit_code(), facts.exit_code) &&
         code(rule.signal(), facts.signal) && word(rule.fault(), facts.fault) &&
         word(rule.phase(), facts.phase) &&
         word(rule.operation(), facts.operation);
}

DiagnosisRule Unknown() {
  DiagnosisRule rule;
  rule.set_class_(DiagnosisRule::SOFTWARE);
  rule.set_cause("no rule explains it");
  rule.set_remedy(
      "read the logs; a rule of your own (--rules) tells it the next time");
  rule.set_retry(DiagnosisRule::YES);
  rule.set_blame(DiagnosisRule::NOBODY);
  return rule;
}

std::string Lower(const std::string& name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

}  // namespace

void Diagnoser::Take(absl::string_view origin, absl::string_view line) {
  for (const int rule : book_->Matching(line)) {
    const auto [place, fresh] = first_.try_emplace(rule);
    if (!fresh) continue;
    const absl::string_view kept = absl::StripAsciiWhitespace(line);
    place->second = {std::string(origin),
                     std::string(kept.substr(0, kEvidenceBytes))};
  }
}

Diagnosis Diagnoser::Conclude(const Facts& facts) const {
  Diagnosis diagnosis;
  for (size_t r = 0; r < book_->rules().size(); ++r) {
    const DiagnosisRule& rule = book_->rules()[r];
    const auto line = first_.find(static_cast<int>(r));
    if (line == first_.end() && !rule.log().empty()) continue;
    if (!FactsMatch(rule, facts)) continue;
    if (!diagnosis.known()) {
      diagnosis.rule = rule;
      if (line != first_.end()) {
        diagnosis.evidence = line->second.line;
        diagnosis.origin = line->second.origin;
      }
    } else if (line != first_.end() && diagnosis.also.size() < kAlso &&
               line->second.line != diagnosis.evidence) {
      diagnosis.also.push_back(rule.name());
    }
  }
  if (!diagnosis.known()) diagnosis.rule = Unknown();
  return diagnosis;
}

std::string DiagnosisText(const Diagnosis& diagnosis) {
  const DiagnosisRule& rule = diagnosis.rule;
  std::string text = absl::StrCat("cause     ", rule.cause());
  if (diagnosis.known()) {
    absl::StrAppend(&text, " (", rule.name(), ", ",
                    Lower(DiagnosisRule::Class_Name(rule.class_())), ")");
  }
  absl::StrAppend(&text, "\n");
  if (!diagnosis.evidence.empty()) {
    absl::StrAppend(&text, "evidence  ", diagnosis.origin, ": ",
                    diagnosis.evidence, "\n");
  }
  if (diagnosis.known()) {
    absl::StrAppend(&text, "blame     ",
                    Lower(DiagnosisRule::Blame_Name(rule.blame())), "\n");
  }
  absl::StrAppend(&text, "remedy    ", rule.remedy(), "\n");
  if (diagnosis.known()) {
    absl::StrAppend(&text, "retry     ",
                    Lower(DiagnosisRule::Retry_Name(rule.retry())), "\n");
  }
  if (!diagnosis.also.empty()) {
    absl::StrAppend(&text, "also      ", absl::StrJoin(diagnosis.also, ", "),
                    "\n");
  }
  return text;
}

}  // namespace perdure
