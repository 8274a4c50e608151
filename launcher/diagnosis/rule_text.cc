#include "launcher/diagnosis/rule_text.h"

#include <re2/re2.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using google::protobuf::TextFormat;

class Collector : public google::protobuf::io::ErrorCollector {
 public:
  Collector(absl::string_view file, std::vector<std::string>* problems)
      : file_(file), problems_(problems) {}
  void AddError(int line, google::protobuf::io::ColumnNumber,
                const std::string& message) override {
    problems_->push_back(absl::StrCat(file_, ":", line + 1, ": ", message));
  }

 private:
  const std::string file_;
  std::vector<std::string>* problems_;
};

// Names of what the detectors say (launcher/supervisor/verdict.h) and of phases
// are plain words, so that a rule can be written without reading code; a typing
// error is told here.
const std::set<std::string>& Faults() {
  static const auto& names = *new std::set<std::string>{
      "crash",     "start",          "node silent",   "rank silent",
      "hang",      "desynchronised", "stuck network", "no end record",
      "straggler", "bad arithmetic"};
  return names;
}

const std::set<std::string>& Phases() {
  static const auto& names = *new std::set<std::string>{
      "start", "load", "train", "evaluate", "save", "finish"};
  return names;
}

template <typename Values>
void CheckWords(const char* field, const Values& values,
                const std::set<std::string>& known,
                std::vector<std::string>* problems) {
  for (const std::string& value : values) {
    if (known.count(value) > 0) continue;
    problems->push_back(
        absl::StrCat(field, ": no '", value, "'",
                     DidYouMean(value, {known.begin(), known.end()})));
  }
}

std::vector<std::string> ProblemsOf(const DiagnosisRule& rule) {
  std::vector<std::string> problems;
  const auto require = [&](bool there, const char* field) {
    if (!there) problems.push_back(absl::StrCat("no ", field));
  };
  require(!rule.name().empty(), "name");
  require(rule.has_class_(), "class");
  require(!rule.cause().empty(), "cause");
  require(!rule.remedy().empty(), "remedy");
  require(rule.has_retry(), "retry");
  require(rule.has_blame(), "blame");
  if (rule.log().empty() && rule.exit_code().empty() && rule.signal().empty() &&
      rule.fault().empty()) {
    problems.push_back(
        "it would match anything: give log, exit_code, signal or fault");
  }
  if (!rule.log().empty() && rule.example().empty()) {
    problems.push_back("log without an example line");
  }
  for (const std::string& pattern : rule.log()) {
    const re2::RE2 compiled(pattern, re2::RE2::Quiet);
    if (!compiled.ok()) {
      problems.push_back(absl::StrCat(
          "log: '", pattern, "' is no RE2 pattern: ", compiled.error()));
    }
  }
  CheckWords("fault", rule.fault(), Faults(), &problems);
  CheckWords("phase", rule.phase(), Phases(), &problems);
  return problems;
}

}  // namespace

RuleText ParseRuleText(absl::string_view text, absl::string_view file) {
  RuleText result;
  Collector collector(file, &result.problems);
  TextFormat::ParseInfoTree places;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  parser.WriteLocationsTo(&places);
  if (!parser.ParseFromString(std::string(text), &result.rules)) return result;
  const auto* field = DiagnosisRules::descriptor()->FindFieldByName("rule");
  std::set<std::string> names;
  for (int i = 0; i < result.rules.rule_size(); ++i) {
    const DiagnosisRule& rule = result.rules.rule(i);
    result.lines.push_back(places.GetLocation(field, i).line + 1);
    const std::string where = absl::StrCat(file, ":", result.lines.back(),
                                           ": rule '", rule.name(), "': ");
    for (const std::string& problem : ProblemsOf(rule)) {
      result.problems.push_back(absl::StrCat(where, problem));
    }
    if (!names.insert(rule.name()).second) {
      result.problems.push_back(absl::StrCat(where, "the name is taken"));
    }
  }
  return result;
}

}  // namespace perdure
