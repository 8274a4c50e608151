#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

// What a run may choose anew for weights that exist.
bool IsFree(const google::protobuf::FieldDescriptor& field) {
  switch (field.number()) {
    case ModelConfig::kInitFromFieldNumber:
    case ModelConfig::kDropoutFieldNumber:
    case ModelConfig::kInitStdFieldNumber:
    case ModelConfig::kTrainableFieldNumber:
      return true;
    default:
      return false;
  }
}

std::string ValueText(const ModelConfig& model,
                      const google::protobuf::FieldDescriptor* field) {
  std::string text;
  google::protobuf::TextFormat::PrintFieldValueToString(model, field, -1,
                                                        &text);
  return text;
}

}  // namespace

absl::StatusOr<ModelConfig> CompleteModelConfig(const ModelConfig& given,
                                                const ModelConfig& found) {
  ModelConfig model = found;
  model.clear_init_from();
  std::vector<std::string> problems;
  for (int i = 0; i < ModelConfig::descriptor()->field_count(); ++i) {
    const auto* field = ModelConfig::descriptor()->field(i);
    if (IsFree(*field) || !given.GetReflection()->HasField(given, field)) {
      continue;
    }
    const std::string wanted = ValueText(given, field);
    const std::string stored = ValueText(found, field);
    if (wanted == stored) continue;
    problems.push_back(absl::StrCat("model.", field->name(), ": ", wanted,
                                    ", but the weights at ", given.init_from(),
                                    " have ", stored, "; leave it out"));
  }
  if (!problems.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
  }
  if (given.has_init_from()) model.set_init_from(given.init_from());
  if (given.has_dropout()) model.set_dropout(given.dropout());
  if (given.has_init_std()) model.set_init_std(given.init_std());
  *model.mutable_trainable() = given.trainable();
  return model;
}

}  // namespace perdure
