#ifndef PERDURE_RUNTIME_CONFIG_FIELD_NAMES_H_
#define PERDURE_RUNTIME_CONFIG_FIELD_NAMES_H_

// Names of fields, for errors about names that do not exist. Private to
// runtime/config.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace perdure {

// The path of every field of RunConfig, messages and their fields, in order of
// declaration: "model", "model.family", ...
std::vector<std::string> AllFieldPaths();

// ", did you mean ...?" for a name that `message` does not have: where another
// part of the config has a field of just that name, its path; else the nearest
// names in `message`; or "".
std::string SuggestField(const google::protobuf::Descriptor& message,
                         absl::string_view name);

// The names of an enum's values.
std::vector<std::string> ValueNames(
    const google::protobuf::EnumDescriptor& type);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_CONFIG_FIELD_NAMES_H_
