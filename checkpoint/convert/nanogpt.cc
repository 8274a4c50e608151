#include "checkpoint/convert/nanogpt.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

std::optional<int64_t> Argument(const TensorSource& source,
                                const std::string& name) {
  const auto found = source.scalars.find("model_args." + name);
  if (found == source.scalars.end()) return std::nullopt;
  const auto* number = std::get_if<int64_t>(&found->second);
  if (number == nullptr || *number < 0 || *number > INT32_MAX) {
    return std::nullopt;
  }
  return *number;
}

}  // namespace

bool IsNanoGpt(const TensorSource& source) {
  return source.scalars.contains("model_args.n_layer");
}

absl::StatusOr<ModelConfig> NanoGptModel(const TensorSource& source) {
  ModelConfig model;
  model.set_family("gpt2");
  model.set_activation("gelu");  // torch.nn.GELU()
  const std::pair<const char*, void (ModelConfig::*)(int32_t)> fields[] = {
      {"n_layer", &ModelConfig::set_layers},
      {"n_head", &ModelConfig::set_heads},
      {"n_embd", &ModelConfig::set_hidden},
      {"block_size", &ModelConfig::set_context},
      {"vocab_size", &ModelConfig::set_vocab_size}};
  for (const auto& [name, set] : fields) {
    const std::optional<int64_t> value = Argument(source, name);
    if (!value.has_value() || *value == 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          source.description, ": model_args.", name, " is no positive number"));
    }
    (model.*set)(static_cast<int32_t>(*value));
  }
  if (Argument(source, "bias") == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        source.description, ": model_args.bias = False: models of the gpt2 ",
        "family have biases; train with bias = True"));
  }
  if (model.hidden() % model.heads() != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        source.description, ": model_args.n_head = ", model.heads(),
        " does not divide n_embd = ", model.hidden()));
  }
  return ResolveModelConfig(model);
}

}  // namespace perdure
