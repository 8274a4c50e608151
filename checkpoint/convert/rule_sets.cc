#include "checkpoint/convert/rule_sets.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;

// protobuf: Message type "perdure.Rule" has no field named "their".
std::string WithSuggestion(const std::string& message) {
  const std::vector<std::string> pieces = absl::StrSplit(message, '"');
  if (pieces.size() != 5) return message;
  const Descriptor* type =
      DescriptorPool::generated_pool()->FindMessageTypeByName(pieces[1]);
  if (type == nullptr) return message;
  std::vector<std::string> fields;
  for (int i = 0; i < type->field_count(); ++i) {
    fields.push_back(type->field(i)->name());
  }
  return absl::StrCat("no field '", pieces[3], "' in ", type->name(),
                      DidYouMean(pieces[3], fields));
}

class Collector : public google::protobuf::io::ErrorCollector {
 public:
  explicit Collector(absl::string_view file_name) : file_name_(file_name) {}
  void AddError(int line, google::protobuf::io::ColumnNumber,
                const std::string& message) override {
    problems.push_back(
        absl::StrCat(file_name_, ":", line + 1, ": ", WithSuggestion(message)));
  }

  std::vector<std::string> problems;

 private:
  const std::string file_name_;
};

}  // namespace

absl::StatusOr<ConversionRules> ParseRules(absl::string_view text,
                                           absl::string_view file_name) {
  Collector collector(file_name);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  ConversionRules rules;
  if (!parser.ParseFromString(std::string(text), &rules)) {
    return absl::InvalidArgumentError(absl::StrJoin(collector.problems, "; "));
  }
  for (Rule& rule : *rules.mutable_rule()) {
    if (rule.theirs().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_name, ": a rule without 'theirs'"));
    }
    if (rule.ours().empty()) *rule.mutable_ours() = rule.theirs();
  }
  return rules;
}

absl::StatusOr<ConversionRules> LoadRules(absl::string_view name_or_path) {
  std::vector<std::string> names;
  for (const RuleSetText& set : ShippedRuleSets()) {
    if (name_or_path == set.name) return ParseRules(set.text, set.name);
    names.push_back(set.name);
  }
  if (!FileExists(name_or_path)) {
    return absl::NotFoundError(absl::StrCat(
        "--rules ", name_or_path, ": neither a file nor one of the shipped ",
        "sets", DidYouMean(name_or_path, names),
        " (perdure-ckpt rules lists them)"));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(name_or_path));
  return ParseRules(text, name_or_path);
}

}  // namespace perdure
