#ifndef PERDURE_CHECKPOINT_SNAPSHOT_NODE_FILES_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_NODE_FILES_H_

// One file a node: what its ranks write, one after the other, in a dataset for
// each dtype. So every rank writes long runs, and no file is shared by nodes.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "checkpoint/format/hdf5_index.h"
#include "checkpoint/format/hdf5_skeleton.h"
#include "runtime/state/state_map.h"

namespace perdure {

// A byte of a snapshot; the file's number in the manifest.
struct FilePlace {
  uint32_t file = 0;
  uint64_t offset = 0;
};

struct NodeFile {
  std::vector<Hdf5Dataset> datasets;  // "/F32", ...: one-dimensional
  // Of the datasets' bytes; known when rank 0 has made the skeleton.
  std::vector<uint64_t> offsets;
};

struct NodeFiles {
  std::vector<size_t> node_of_rank;
  std::vector<NodeFile> nodes;
  // By rank, by range: its first element in its node's dataset of its dtype.
  std::vector<std::vector<int64_t>> begins;

  // The file of a node has the node's number.
  FilePlace PlaceOf(const StateMap& map, size_t rank, size_t range) const;
  // Of the node's dataset that has elements of a dtype.
  size_t DatasetOf(size_t node, DType dtype) const;
};

// A pure function. Nodes are numbered from 0, each has a rank.
NodeFiles LayOutNodes(const StateMap& map,
                      const std::vector<size_t>& node_of_rank);

// Where the elements of each tensor of the map are, for an index.
std::vector<std::vector<Hdf5Part>> PartsOfTensors(const StateMap& map,
                                                  const NodeFiles& files);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_NODE_FILES_H_
