#ifndef PERDURE_CHECKPOINT_SNAPSHOT_PLAN_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_PLAN_H_

// Which byte goes where: a pure function of the state's map and the model.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/format/hdf5_skeleton.h"
#include "checkpoint/format/safetensors.h"
#include "checkpoint/snapshot/node_files.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"
#include "runtime/state/state_map.h"

namespace perdure {

// Indices into the manifest's files, where there is one for all nodes.
inline constexpr uint32_t kWeightsFile = 0;
inline constexpr uint32_t kOptimizerFile = 1;  // where there is one

struct Alias {
  std::string name;
  std::string alias_of;
  std::vector<int64_t> shape;
};

struct SnapshotPlan {
  StateMap map;                       // weights first
  size_t weights = 0;                 // how many of the tensors are weights
  std::vector<Alias> aliases;         // tied weights, not stored
  SafetensorsLayout layout;           // of the weights
  std::vector<Hdf5Dataset> datasets;  // of the tensors after the weights
  // Of every tensor in its file. Those in optimizer.h5 are known when rank 0
  // has made its skeleton. Without meaning where each node has a file.
  std::vector<uint64_t> offsets;
  std::string torch_dtype;  // for config.json: "bfloat16", ...
  std::optional<NodeFiles> per_node;

  // Of a tensor, where there is one file for all nodes.
  uint32_t FileOf(size_t tensor) const {
    return tensor < weights ? kWeightsFile : kOptimizerFile;
  }
  // The first byte of a rank's range.
  FilePlace PlaceOf(size_t rank, size_t range) const;
  // The files that ranks write into, by number.
  std::vector<std::string> WrittenFiles() const;
};

// Whether the ranks' ranges cover every element of every tensor once; Internal
// names tensor, elements and ranks.
absl::Status CheckCoverage(const StateMap& map);

// Internal if the map does not cover its tensors, and for every weight of the
// model that it lacks or that has another shape, and every tensor that the
// model does not have.
// `node_of_rank`: each node, numbered from 0, has a file of its own; empty: all
// write into the same files.
absl::StatusOr<SnapshotPlan> MakePlan(
    StateMap map, const ModelConfig& model,
    const std::vector<size_t>& node_of_rank = {});

// Of everything that a plan depends on: equal for equal maps.
uint64_t HashMap(const StateMap& map);

// "weight model.norm.weight"
std::string TensorLabel(const StateTensor& tensor);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_PLAN_H_
