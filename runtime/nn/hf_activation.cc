#include "runtime/nn/hf_activation.h"

#include "glog/logging.h"

namespace perdure {
namespace {

struct ActivationName {
  const char* hf;
  const char* ours;
};

// The first of several names for one function is the one written.
constexpr ActivationName kNames[] = {
    {"gelu_new", "gelu_tanh"}, {"gelu_pytorch_tanh", "gelu_tanh"},
    {"gelu", "gelu"},          {"relu", "relu"},
    {"silu", "silu"},          {"swish", "silu"},
};

}  // namespace

const char* ActivationFromHf(absl::string_view name) {
  for (const ActivationName& entry : kNames) {
    if (entry.hf == name) return entry.ours;
  }
  return nullptr;
}

const char* ActivationToHf(absl::string_view name) {
  for (const ActivationName& entry : kNames) {
    if (entry.ours == name) return entry.hf;
  }
  LOG(FATAL) << "model.activation '" << name << "' was not validated";
}

std::vector<std::string> HfActivationNames() {
  std::vector<std::string> names;
  for (const ActivationName& entry : kNames) names.push_back(entry.hf);
  return names;
}

}  // namespace perdure
