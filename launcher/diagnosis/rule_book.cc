#include "launcher/diagnosis/rule_book.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"
#include "launcher/diagnosis/rule_text.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr size_t kLongestLine = 4096;
// What the automaton of all patterns may take; a few hundred rules need a
// tenth.
constexpr int64_t kAutomatonBytes = 64 << 20;
constexpr char kShippedName[] = "the shipped rules";

}  // namespace

struct RuleBook::Patterns {
  explicit Patterns(const re2::RE2::Options& options)
      : set(options, re2::RE2::UNANCHORED) {}
  re2::RE2::Set set;
  std::vector<int> rule_of;  // of each pattern
};

RuleBook::RuleBook(std::vector<DiagnosisRule> rules,
                   std::unique_ptr<const Patterns> patterns)
    : rules_(std::move(rules)), patterns_(std::move(patterns)) {}
RuleBook::RuleBook(RuleBook&&) noexcept = default;
RuleBook& RuleBook::operator=(RuleBook&&) noexcept = default;
RuleBook::~RuleBook() = default;

absl::StatusOr<RuleBook> RuleBook::Parse(absl::string_view text,
                                         absl::string_view file) {
  RuleText parsed = ParseRuleText(text, file);
  if (parsed.problems.empty() && parsed.rules.then_shipped() &&
      file != kShippedName) {
    std::set<std::string> own;
    for (const DiagnosisRule& rule : parsed.rules.rule()) {
      own.insert(rule.name());
    }
    const RuleText shipped = ParseRuleText(ShippedRulesText(), kShippedName);
    for (const DiagnosisRule& rule : shipped.rules.rule()) {
      if (own.count(rule.name()) == 0) *parsed.rules.add_rule() = rule;
    }
  }
  std::vector<DiagnosisRule> rules(parsed.rules.rule().begin(),
                                   parsed.rules.rule().end());
  if (!parsed.problems.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(parsed.problems, "\n"));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kAutomatonBytes);
  auto patterns = std::make_unique<Patterns>(options);
  for (size_t r = 0; r < rules.size(); ++r) {
    for (const std::string& pattern : rules[r].log()) {
      patterns->set.Add(pattern, nullptr);  // known to be good
      patterns->rule_of.push_back(static_cast<int>(r));
    }
  }
  if (!patterns->set.Compile()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": the patterns together need more than ", kAutomatonBytes >> 20,
        " MiB; write fewer counted repetitions"));
  }
  RuleBook book(std::move(rules), std::move(patterns));
  // Examples of the file's own rules; those of shipped ones may well be
  // explained by a rule that was put before them on purpose.
  for (size_t r = 0; r < parsed.lines.size(); ++r) {
    const DiagnosisRule& rule = book.rules()[r];
    for (const std::string& example : rule.example()) {
      const std::vector<int> found = book.Matching(example);
      if (!found.empty() && found[0] == static_cast<int>(r)) continue;
      parsed.problems.push_back(absl::StrCat(
          file, ":", parsed.lines[r], ": rule '", rule.name(), "': example '",
          example, "' is explained by ",
          found.empty()
              ? "no rule"
              : absl::StrCat("'",
                             book.rules()[static_cast<size_t>(found[0])].name(),
                             "'")));
    }
  }
  if (!parsed.problems.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(parsed.problems, "\n"));
  }
  return book;
}

absl::StatusOr<RuleBook> RuleBook::Load(const std::string& path) {
  if (path.empty()) return Parse(ShippedRulesText(), kShippedName);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return Parse(text, path);
}

std::vector<int> RuleBook::Matching(absl::string_view line) const {
  std::vector<int> patterns;
  line = line.substr(0, kLongestLine);
  patterns_->set.Match(re2::StringPiece(line.data(), line.size()), &patterns);
  std::vector<int> rules;
  for (const int p : patterns) {
    rules.push_back(patterns_->rule_of[static_cast<size_t>(p)]);
  }
  std::sort(rules.begin(), rules.end());
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
  return rules;
}

}  // namespace perdure
