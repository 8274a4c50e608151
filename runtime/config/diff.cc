#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::TextFormat;

// The text of a scalar; a field left out counts as its declared default.
std::string ValueText(const Message& message, const FieldDescriptor* field) {
  if (!field->has_default_value() &&
      !message.GetReflection()->HasField(message, field)) {
    return "(not set)";
  }
  std::string text;
  TextFormat::PrintFieldValueToString(message, field, -1, &text);
  return text;
}

std::string ElementText(const Message& element) {
  TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(element, &text);
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return absl::StrCat("{", text, "}");
}

void DiffMessages(const Message& a, const Message& b, absl::string_view prefix,
                  std::vector<std::string>* differences);

std::string ElementText(const Message& message, const FieldDescriptor* field,
                        int index) {
  if (field->message_type() != nullptr) {
    return ElementText(
        message.GetReflection()->GetRepeatedMessage(message, field, index));
  }
  std::string text;
  TextFormat::PrintFieldValueToString(message, field, index, &text);
  return text;
}

void DiffRepeated(const Message& a, const Message& b,
                  const FieldDescriptor* field, absl::string_view path,
                  std::vector<std::string>* differences) {
  const Reflection* reflection = a.GetReflection();
  const int size_a = reflection->FieldSize(a, field);
  const int size_b = reflection->FieldSize(b, field);
  for (int i = 0; i < std::max(size_a, size_b); ++i) {
    const std::string element = absl::StrCat(path, "[", i, "]");
    if (i < size_a && i < size_b && field->message_type() != nullptr) {
      DiffMessages(reflection->GetRepeatedMessage(a, field, i),
                   reflection->GetRepeatedMessage(b, field, i),
                   absl::StrCat(element, "."), differences);
      continue;
    }
    const auto text = [&](const Message& message, int size) -> std::string {
      return i < size ? ElementText(message, field, i) : "(none)";
    };
    const std::string text_a = text(a, size_a), text_b = text(b, size_b);
    if (text_a == text_b) continue;
    differences->push_back(absl::StrCat(element, ": ", text_a, " -> ", text_b));
  }
}

void DiffMessages(const Message& a, const Message& b, absl::string_view prefix,
                  std::vector<std::string>* differences) {
  const Reflection* reflection = a.GetReflection();
  for (int i = 0; i < a.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = a.GetDescriptor()->field(i);
    const std::string path = absl::StrCat(prefix, field->name());
    if (field->is_repeated()) {
      DiffRepeated(a, b, field, path, differences);
    } else if (field->message_type() != nullptr) {
      DiffMessages(reflection->GetMessage(a, field),
                   reflection->GetMessage(b, field), absl::StrCat(path, "."),
                   differences);
    } else {
      const std::string text_a = ValueText(a, field);
      const std::string text_b = ValueText(b, field);
      if (text_a == text_b) continue;
      differences->push_back(absl::StrCat(path, ": ", text_a, " -> ", text_b));
    }
  }
}

}  // namespace

std::vector<std::string> DiffConfigs(const RunConfig& a, const RunConfig& b) {
  std::vector<std::string> differences;
  DiffMessages(a, b, "", &differences);
  return differences;
}

}  // namespace perdure
