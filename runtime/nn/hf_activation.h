#ifndef PERDURE_RUNTIME_NN_HF_ACTIVATION_H_
#define PERDURE_RUNTIME_NN_HF_ACTIVATION_H_

// Hugging Face's names of activations. Private to runtime/nn.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perdure {

// Perdure's name ("gelu_tanh") of a Hugging Face one ("gelu_new"), or nullptr.
const char* ActivationFromHf(absl::string_view name);
// The name to write for one of Perdure's, which has been validated.
const char* ActivationToHf(absl::string_view name);
// All that can be read.
std::vector<std::string> HfActivationNames();

}  // namespace perdure

#endif  // PERDURE_RUNTIME_NN_HF_ACTIVATION_H_
