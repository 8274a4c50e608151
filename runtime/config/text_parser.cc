#include "runtime/config/text_parser.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "runtime/base/text.h"
#include "runtime/config/field_names.h"
#include "runtime/config/run.pb.h"

namespace perdure {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;

// The texts within double quotes.
std::vector<std::string> Quoted(absl::string_view message) {
  std::vector<std::string> quoted;
  const std::vector<std::string> pieces = absl::StrSplit(message, '"');
  for (size_t i = 1; i < pieces.size(); i += 2) quoted.push_back(pieces[i]);
  return quoted;
}

// protobuf: Message type "perdure.TrainConfig" has no field named "step".
std::string DescribeUnknownField(const std::string& message) {
  const std::vector<std::string> quoted = Quoted(message);
  if (quoted.size() != 2) return message;
  const Descriptor* type =
      DescriptorPool::generated_pool()->FindMessageTypeByName(quoted[0]);
  if (type == nullptr) return message;
  return absl::StrCat("no field '", quoted[1], "' in ", type->name(),
                      SuggestField(*type, quoted[1]));
}

// Values of the enums of all fields of that name (there is one such field).
void AppendEnumValues(const Descriptor& message, absl::string_view field_name,
                      std::vector<std::string>* values) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor* field = message.field(i);
    if (field->message_type() != nullptr) {
      AppendEnumValues(*field->message_type(), field_name, values);
    } else if (field->enum_type() != nullptr && field->name() == field_name) {
      for (const std::string& name : ValueNames(*field->enum_type())) {
        values->push_back(name);
      }
    }
  }
}

// protobuf: Unknown enumeration value of "COSIN" for field "schedule".
std::string DescribeEnumError(const std::string& value,
                              const std::string& field) {
  std::vector<std::string> values;
  AppendEnumValues(*RunConfig::descriptor(), field, &values);
  return absl::StrCat(field, ": no value '", value, "'; it is one of ",
                      absl::StrJoin(values, ", "), DidYouMean(value, values));
}

class Collector : public google::protobuf::io::ErrorCollector {
 public:
  Collector(const std::vector<std::string>& lines, TextProblems* problems)
      : lines_(lines), problems_(problems) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    error_line_ = line;
    error_column_ = column;
    std::string text = message;
    const std::vector<std::string> quoted = Quoted(message);
    // protobuf notices these two with the next token, maybe lines below.
    if (absl::StartsWith(message, "Unknown enumeration") &&
        quoted.size() == 2) {
      text = DescribeEnumError(quoted[0], quoted[1]);
      GoBackTo(quoted[1], quoted[0]);
    } else if (absl::StartsWith(message, "Invalid value for boolean") &&
               quoted.size() == 2) {
      text =
          absl::StrCat(quoted[0], ": '", quoted[1], "' is not true or false");
      GoBackTo(quoted[0], quoted[1]);
    }
    problems_->emplace(error_line_ + 1, text);
  }
  // Only unknown fields are reported so: they are errors here.
  void AddWarning(int line, google::protobuf::io::ColumnNumber,
                  const std::string& message) override {
    problems_->emplace(line + 1, DescribeUnknownField(message));
  }

  int error_line() const { return error_line_; }
  int error_column() const { return error_column_; }

 private:
  // The place of `value` on the last line that has it behind `field`.
  void GoBackTo(const std::string& field, const std::string& value) {
    for (int line = error_line_; line >= 0; --line) {
      if (line >= static_cast<int>(lines_.size())) continue;
      const size_t name = lines_[line].find(field);
      if (name == std::string::npos) continue;
      const size_t place = lines_[line].find(value, name + field.size());
      if (place == std::string::npos) continue;
      error_line_ = line;
      error_column_ = static_cast<int>(place);
      return;
    }
  }

  const std::vector<std::string>& lines_;
  TextProblems* problems_;
  int error_line_ = -1;
  int error_column_ = -1;
};

// Whether an error at `column` concerns nothing but the value of the one scalar
// field on the line, so that the text without the line is worth another look.
bool IsScalarFieldWithError(absl::string_view line, int column) {
  const size_t colon = line.find(':');
  return colon != absl::string_view::npos &&
         static_cast<size_t>(column) >= colon &&
         line.find_first_of("{}<>[]") == absl::string_view::npos &&
         line.find(':', colon + 1) == absl::string_view::npos;
}

}  // namespace

TextProblems ParseText(absl::string_view text,
                       google::protobuf::Message* message) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  TextProblems problems;
  while (true) {
    Collector collector(lines, &problems);
    google::protobuf::TextFormat::Parser parser;
    parser.RecordErrorsTo(&collector);
    parser.AllowUnknownField(true);
    if (parser.ParseFromString(absl::StrJoin(lines, "\n"), message)) break;
    const int line = collector.error_line();
    const bool go_on =
        line >= 0 && line < static_cast<int>(lines.size()) &&
        IsScalarFieldWithError(lines[line], collector.error_column());
    if (!go_on) break;
    lines[line].clear();  // one line less each time: this ends
  }
  return problems;
}

}  // namespace perdure
