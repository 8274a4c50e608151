#ifndef PERDURE_RUNTIME_NN_HF_CONFIG_H_
#define PERDURE_RUNTIME_NN_HF_CONFIG_H_

// Hugging Face's config.json for the families gpt2, opt and llama, both ways.

#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"

namespace perdure {

// A resolved ModelConfig. Settings that Perdure cannot honour (OPT-350m's
// projections and post-norm, rope scaling, sliding windows, ...) are
// InvalidArgument naming the key, its value and what is supported.
absl::StatusOr<ModelConfig> ModelConfigFromHf(absl::string_view json);

// config.json that transformers loads: architectures, model_type, torch_dtype.
std::string ModelConfigToHf(const ModelConfig& model,
                            absl::string_view torch_dtype);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_NN_HF_CONFIG_H_
