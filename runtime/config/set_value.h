#ifndef PERDURE_RUNTIME_CONFIG_SET_VALUE_H_
#define PERDURE_RUNTIME_CONFIG_SET_VALUE_H_

// One scalar field from text. Private to runtime/config.

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace perdure {

// Sets a singular field that is no message. Strings are taken as they are,
// without quotes; enum values by name in any case. Returns "" or what is wrong
// with the value.
std::string SetScalar(absl::string_view value,
                      const google::protobuf::FieldDescriptor* field,
                      google::protobuf::Message* message);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_CONFIG_SET_VALUE_H_
