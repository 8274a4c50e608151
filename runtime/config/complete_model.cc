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
    case ModelConfig::kLoraFieldNumber:  // see TakeAdapters
    case ModelConfig::kPrefixFieldNumber:
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

std::string OneLine(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(message, &text);
  return absl::StrCat("{ ", text, "}");
}

void Disagree(const char* name, absl::string_view wanted,
              absl::string_view stored, const ModelConfig& given,
              std::vector<std::string>* problems) {
  problems->push_back(absl::StrCat("model.", name, ": ", wanted,
                                   ", but the weights at ", given.init_from(),
                                   " have ", stored, "; leave it out"));
}

// Adapters that the weights have stay as they are; those they lack are the
// run's to choose.
void TakeAdapters(const ModelConfig& given, ModelConfig* model,
                  std::vector<std::string>* problems) {
  ModelConfig wanted = *model;
  if (given.has_lora()) *wanted.mutable_lora() = given.lora();
  if (given.has_prefix()) *wanted.mutable_prefix() = given.prefix();
  wanted = ResolveModelConfig(wanted);
  if (!model->has_lora()) {
    if (given.has_lora()) *model->mutable_lora() = wanted.lora();
  } else if (given.has_lora() &&
             OneLine(model->lora()) != OneLine(wanted.lora())) {
    Disagree("lora", OneLine(wanted.lora()), OneLine(model->lora()), given,
             problems);
  }
  if (!model->has_prefix()) {
    if (given.has_prefix()) *model->mutable_prefix() = wanted.prefix();
  } else if (given.has_prefix() &&
             model->prefix().tokens() != wanted.prefix().tokens()) {
    Disagree("prefix.tokens", absl::StrCat(wanted.prefix().tokens()),
             absl::StrCat(model->prefix().tokens()), given, problems);
  }
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
    Disagree(field->name().c_str(), wanted, stored, given, &problems);
  }
  TakeAdapters(given, &model, &problems);
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
