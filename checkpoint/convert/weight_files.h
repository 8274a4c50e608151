#ifndef PERDURE_CHECKPOINT_CONVERT_WEIGHT_FILES_H_
#define PERDURE_CHECKPOINT_CONVERT_WEIGHT_FILES_H_

// The safetensors files of a Hugging Face directory.

#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/format/safetensors.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace perdure {

inline constexpr char kIndexName[] = "model.safetensors.index.json";

struct WeightFile {
  File file;
  std::vector<SafetensorsTensor> tensors;
};

// model.safetensors, or the shards that model.safetensors.index.json names,
// each opened and its header checked. NotFound lists what was looked for;
// DataLoss where the index and the shards disagree.
absl::StatusOr<std::vector<WeightFile>> OpenWeightFiles(absl::string_view dir);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_WEIGHT_FILES_H_
