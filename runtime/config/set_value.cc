#include "runtime/config/set_value.h"

#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "runtime/base/text.h"
#include "runtime/config/field_names.h"

namespace perdure {
namespace {

using google::protobuf::FieldDescriptor;

std::string WrongValue(absl::string_view value, absl::string_view wanted) {
  return absl::StrCat("'", value, "' is not ", wanted);
}

std::string SetEnum(absl::string_view value, const FieldDescriptor* field,
                    google::protobuf::Message* message) {
  const std::string name = absl::AsciiStrToUpper(value);
  const auto* number = field->enum_type()->FindValueByName(name);
  if (number != nullptr) {
    message->GetReflection()->SetEnum(message, field, number);
    return "";
  }
  const std::vector<std::string> names = ValueNames(*field->enum_type());
  return WrongValue(value, absl::StrCat("one of ", absl::StrJoin(names, ", "),
                                        DidYouMean(name, names)));
}

}  // namespace

std::string SetScalar(absl::string_view value, const FieldDescriptor* field,
                      google::protobuf::Message* message) {
  const auto* reflection = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t number = 0;
      if (!absl::SimpleAtoi(value, &number)) {
        return WrongValue(value, "a whole number of 32 bits");
      }
      reflection->SetInt32(message, field, number);
      return "";
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t number = 0;
      if (!absl::SimpleAtoi(value, &number)) {
        return WrongValue(value, "a whole number from 0 to 2^64 - 1");
      }
      reflection->SetUInt64(message, field, number);
      return "";
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double number = 0;
      if (!absl::SimpleAtod(value, &number)) {
        return WrongValue(value, "a number");
      }
      reflection->SetDouble(message, field, number);
      return "";
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      bool truth = false;
      if (!absl::SimpleAtob(value, &truth)) {
        return WrongValue(value, "true or false");
      }
      reflection->SetBool(message, field, truth);
      return "";
    }
    case FieldDescriptor::CPPTYPE_STRING:
      reflection->SetString(message, field, std::string(value));
      return "";
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(value, field, message);
    default:
      return absl::StrCat("a field of type ", field->cpp_type_name(),
                          " cannot be set");
  }
}

}  // namespace perdure
