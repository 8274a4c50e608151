#ifndef PERDURE_TESTS_CHECKPOINT_CONVERT_HF_DIRECTORY_H_
#define PERDURE_TESTS_CHECKPOINT_CONVERT_HF_DIRECTORY_H_

// Hugging Face directories to try things on.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

// A tensor with its bytes.
struct HfTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
  friend bool operator==(const HfTensor&, const HfTensor&) = default;
};
using HfTensors = std::map<std::string, HfTensor>;

// What is in a safetensors file, read here without the code under test except
// for the header.
HfTensors ReadHfTensors(const std::string& path);
// Writes them back, in order of name.
void WriteHfTensors(const HfTensors& tensors, const std::string& path);

// The golden models of tests/goldens.
std::string GoldenPath(const std::string& model);
std::vector<std::string> GoldenModels();

// Copies config.json and the weights of a directory, changed on the way.
void CopyHfDirectory(const std::string& from, const std::string& to,
                     const HfTensors& tensors);

// The weights of a directory as training would open them.
absl::StatusOr<std::unique_ptr<StateSource>> OpenWeights(
    const std::string& directory);

// Each tensor of the golden file is in the source with the same bytes.
void ExpectWeights(const HfTensors& expected, StateSource& source);

}  // namespace perdure

#endif  // PERDURE_TESTS_CHECKPOINT_CONVERT_HF_DIRECTORY_H_
