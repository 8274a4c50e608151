#ifndef PERDURE_CHECKPOINT_FOREIGN_SAFETENSORS_FILES_H_
#define PERDURE_CHECKPOINT_FOREIGN_SAFETENSORS_FILES_H_

// safetensors files, alone or sharded.

#include <string>
#include <vector>

#include "checkpoint/foreign/tensor_source.h"
#include "runtime/base/status.h"

namespace perdure {

// model.safetensors of a directory, or the shards that
// model.safetensors.index.json names. DataLoss where the index and the shards
// disagree.
bool HasSafetensors(const std::string& directory);
absl::StatusOr<std::vector<SourceTensor>> OpenSafetensorsShards(
    const std::string& directory);

// One file.
absl::StatusOr<std::vector<SourceTensor>> OpenSafetensorsFile(
    const std::string& path);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_SAFETENSORS_FILES_H_
