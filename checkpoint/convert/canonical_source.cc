// From a source as it is to canonical names: the model, the rules, the check.

#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/fit_model.h"
#include "checkpoint/convert/nanogpt.h"
#include "checkpoint/convert/open_source.h"
#include "checkpoint/convert/rule_sets.h"
#include "checkpoint/snapshot/names.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

// --model
absl::Status ReadModel(const std::string& path, TensorSource* source) {
  const std::string file =
      IsDirectory(path) ? JoinPath(path, kConfigName) : path;
  ASSIGN_OR_RETURN(source->config_json, ReadFile(file));
  const auto model = ModelConfigFromHf(source->config_json);
  if (!model.ok()) return Annotate(model.status(), file);
  source->model = *model;
  if (IsDirectory(path) && source->directory.empty()) source->directory = path;
  return absl::OkStatus();
}

// The shipped set that goes with a source; "" for none.
std::string DefaultRules(absl::string_view format, const TensorSource& source) {
  if (format == "llmc" || format == "llama2c") return std::string(format);
  if (format == "perdure" || !source.model.has_value()) return "";
  if (format == "pt" && IsNanoGpt(source)) return "nanogpt";
  return absl::StrCat("hf-", source.model->family());
}

absl::Status CheckFamily(const ConversionRules& rules, const std::string& name,
                         const std::optional<ModelConfig>& model) {
  if (rules.family().empty() || !model.has_value()) return absl::OkStatus();
  for (const std::string& family : rules.family()) {
    if (family == model->family()) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--rules ", name, ": for models of family ", rules.family(0),
                   ", not ", model->family()));
}

}  // namespace

absl::StatusOr<CanonicalSource> OpenCanonical(const std::string& path,
                                              const ReadOptions& options) {
  CanonicalSource canonical;
  canonical.format = options.format;
  if (canonical.format.empty()) {
    ASSIGN_OR_RETURN(canonical.format, DetectFormat(path));
  }
  ASSIGN_OR_RETURN(TensorSource source, OpenSource(path, canonical.format));
  if (!options.model.empty())
    RETURN_IF_ERROR(ReadModel(options.model, &source));
  if (!source.model.has_value() && IsNanoGpt(source)) {
    ASSIGN_OR_RETURN(source.model, NanoGptModel(source));
  }
  if (options.needs_model && !source.model.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        source.description, ": its files do not say what model it is; ",
        "perdure-ckpt convert --model FILE takes a config.json as Hugging ",
        "Face has it"));
  }
  const ModelConfig* model =
      source.model.has_value() ? &*source.model : nullptr;
  const std::string rules_name = options.rules.empty()
                                     ? DefaultRules(canonical.format, source)
                                     : options.rules;
  RuleResult result;
  if (rules_name.empty()) {
    ASSIGN_OR_RETURN(result, KeepNames(source.tensors, source.description));
  } else {
    ASSIGN_OR_RETURN(const ConversionRules rules, LoadRules(rules_name));
    RETURN_IF_ERROR(CheckFamily(rules, rules_name, source.model));
    ASSIGN_OR_RETURN(
        result,
        ApplyRules(rules, Direction::kToOurs, source.tensors, model,
                   absl::StrCat(source.description, ", rules ", rules_name)));
  }
  if (IsNanoGpt(source) && LacksNanoGptBiases(source) && model != nullptr) {
    source.notes.push_back(AddNanoGptBiases(*model, &result.tensors));
  }
  if (model != nullptr) {
    RETURN_IF_ERROR(FitToModel(*model, source.description, &result.tensors));
  }
  canonical.tensors = std::move(result.tensors);
  canonical.averaged = std::move(result.averaged);
  canonical.description = std::move(source.description);
  canonical.directory = std::move(source.directory);
  canonical.config_json = std::move(source.config_json);
  canonical.run = std::move(source.run);
  canonical.model = std::move(source.model);
  canonical.notes = std::move(source.notes);
  return canonical;
}

}  // namespace perdure
