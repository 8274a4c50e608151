#include "runtime/config/field_names.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/text.h"
#include "runtime/config/run.pb.h"

namespace perdure {
namespace {

void AppendPaths(const google::protobuf::Descriptor& message,
                 absl::string_view prefix, std::vector<std::string>* paths) {
  for (int i = 0; i < message.field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = message.field(i);
    const std::string path = absl::StrCat(prefix, field->name());
    paths->push_back(path);
    if (field->message_type() != nullptr) {
      AppendPaths(*field->message_type(), absl::StrCat(path, "."), paths);
    }
  }
}

}  // namespace

std::vector<std::string> AllFieldPaths() {
  std::vector<std::string> paths;
  AppendPaths(*RunConfig::descriptor(), "", &paths);
  return paths;
}

std::string SuggestField(const google::protobuf::Descriptor& message,
                         absl::string_view name) {
  std::vector<std::string> elsewhere;
  const std::string ending = absl::StrCat(".", name);
  for (const std::string& path : AllFieldPaths()) {
    if (path == name || absl::EndsWith(path, ending)) elsewhere.push_back(path);
  }
  if (!elsewhere.empty()) {
    return absl::StrCat(", did you mean '", absl::StrJoin(elsewhere, "' or '"),
                        "'?");
  }
  std::vector<std::string> names;
  for (int i = 0; i < message.field_count(); ++i) {
    names.push_back(message.field(i)->name());
  }
  // Of names as short as these many are near: the nearest will do.
  std::vector<std::string> nearest = NearestNames(name, names);
  while (nearest.size() > 1 && EditDistance(name, nearest.back()) >
                                   EditDistance(name, nearest.front())) {
    nearest.pop_back();
  }
  return DidYouMean(name, nearest);
}

std::vector<std::string> ValueNames(
    const google::protobuf::EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) {
    names.push_back(type.value(i)->name());
  }
  return names;
}

}  // namespace perdure
