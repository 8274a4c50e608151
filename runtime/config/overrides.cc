#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "runtime/config/config.h"
#include "runtime/config/field_names.h"
#include "runtime/config/set_value.h"
#include "runtime/config/text_parser.h"

namespace perdure {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// "train[1]" is {"train", 1}.
struct Component {
  std::string name;
  std::optional<int> index;
};

std::optional<Component> ParseComponent(absl::string_view text) {
  const size_t bracket = text.find('[');
  if (bracket == absl::string_view::npos)
    return Component{std::string(text), {}};
  int index = 0;
  if (text.back() != ']' ||
      !absl::SimpleAtoi(text.substr(bracket + 1, text.size() - bracket - 2),
                        &index) ||
      index < 0) {
    return std::nullopt;
  }
  return Component{std::string(text.substr(0, bracket)), index};
}

class Overrides {
 public:
  explicit Overrides(RunConfig* config) : config_(config) {}

  // Returns "" or what is wrong.
  std::string Apply(absl::string_view assignment) {
    const size_t equals = assignment.find('=');
    if (equals == absl::string_view::npos) {
      return "has no '='; write path=value, such as train.steps=10";
    }
    const absl::string_view value = assignment.substr(equals + 1);
    const std::vector<std::string> components =
        absl::StrSplit(assignment.substr(0, equals), '.');
    Message* message = config_;
    std::string path;
    for (size_t i = 0; i < components.size(); ++i) {
      const auto component = ParseComponent(components[i]);
      if (!component) return absl::StrCat("'", components[i], "' is no index");
      const FieldDescriptor* field =
          message->GetDescriptor()->FindFieldByName(component->name);
      if (field == nullptr) return Unknown(*message, path, component->name);
      absl::StrAppend(&path, path.empty() ? "" : ".", component->name);
      const bool last = i + 1 == components.size();
      if (component->index && !field->is_repeated()) {
        return absl::StrCat(path, " is no list; leave out the [",
                            *component->index, "]");
      }
      if (field->message_type() == nullptr) {
        if (!last) return absl::StrCat(path, " is a value; it has no fields");
        if (!field->is_repeated()) return SetScalar(value, field, message);
        return SetElement(value, message, field, *component, path);
      }
      std::string problem;
      message = Enter(message, field, *component, {path, last}, &problem);
      if (!problem.empty()) return problem;
      if (last) return SetMessage(value, message);
    }
    return "";
  }

 private:
  struct Place {
    std::string path;  // of the field, without its own index
    bool is_last;      // the whole message is assigned
  };

  static std::string Unknown(const Message& message, absl::string_view path,
                             absl::string_view name) {
    return absl::StrCat("no field '", name, "'",
                        path.empty() ? "" : absl::StrCat(" in ", path),
                        SuggestField(*message.GetDescriptor(), name));
  }

  // The message that a component names: created where it may be.
  Message* Enter(Message* message, const FieldDescriptor* field,
                 const Component& component, const Place& place,
                 std::string* problem) {
    const auto* reflection = message->GetReflection();
    if (!field->is_repeated()) {
      return reflection->MutableMessage(message, field);
    }
    const int index = ElementIndex(message, field, component, place, problem);
    if (!problem->empty()) return message;
    if (index == reflection->FieldSize(*message, field)) {
      return reflection->AddMessage(message, field);
    }
    return reflection->MutableRepeatedMessage(message, field, index);
  }

  // Which element of a list a component names; its size: a new one.
  int ElementIndex(Message* message, const FieldDescriptor* field,
                   const Component& component, const Place& place,
                   std::string* problem) {
    const auto* reflection = message->GetReflection();
    int index = component.index.value_or(0);
    if (!component.index) {
      // The list from the file is replaced as a whole, by the first assignment.
      const bool first = started_.insert(place.path).second;
      if (first) reflection->ClearField(message, field);
      // Whole elements assigned one after the other make a list.
      if (place.is_last) index = reflection->FieldSize(*message, field);
    }
    const int size = reflection->FieldSize(*message, field);
    if (index > size) {
      *problem = absl::StrCat(place.path, " has ", size, " elements; [", size,
                              "] would be the next");
    }
    return index;
  }

  // An element of a list of strings: no field is a list of other values.
  std::string SetElement(absl::string_view value, Message* message,
                         const FieldDescriptor* field,
                         const Component& component, const std::string& path) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
      return absl::StrCat("a list of type ", field->cpp_type_name(),
                          " cannot be set");
    }
    std::string problem;
    const int index =
        ElementIndex(message, field, component, {path, true}, &problem);
    if (!problem.empty()) return problem;
    const auto* reflection = message->GetReflection();
    if (index == reflection->FieldSize(*message, field)) {
      reflection->AddString(message, field, std::string(value));
    } else {
      reflection->SetRepeatedString(message, field, index, std::string(value));
    }
    return "";
  }

  // Text format, braces optional; replaces what was there.
  static std::string SetMessage(absl::string_view value, Message* message) {
    value = absl::StripAsciiWhitespace(value);
    if (value.size() >= 2 && value.front() == '{' && value.back() == '}') {
      value = value.substr(1, value.size() - 2);
    }
    std::vector<std::string> problems;
    for (const auto& [line, problem] : ParseText(value, message)) {
      problems.push_back(problem);
    }
    return absl::StrJoin(problems, "; ");
  }

  RunConfig* config_;
  std::set<std::string> started_;  // lists that were begun anew
};

}  // namespace

absl::Status ApplyOverrides(const std::vector<std::string>& assignments,
                            RunConfig* config) {
  RunConfig changed = *config;
  Overrides overrides(&changed);
  std::vector<std::string> problems;
  for (const std::string& assignment : assignments) {
    const std::string problem = overrides.Apply(assignment);
    if (problem.empty()) continue;
    problems.push_back(absl::StrCat("--set ", assignment, ": ", problem));
  }
  if (!problems.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
  }
  *config = std::move(changed);
  return absl::OkStatus();
}

}  // namespace perdure
