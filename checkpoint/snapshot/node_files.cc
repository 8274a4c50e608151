#include "checkpoint/snapshot/node_files.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/names.h"

namespace perdure {
namespace {

std::string DatasetPath(DType dtype) {
  return absl::StrCat("/", DTypeName(dtype));
}

// The dataset of a dtype, made if the node has none.
Hdf5Dataset& DatasetFor(DType dtype, NodeFile* node) {
  for (Hdf5Dataset& dataset : node->datasets) {
    if (dataset.dtype == dtype) return dataset;
  }
  return node->datasets.emplace_back(
      Hdf5Dataset{DatasetPath(dtype), dtype, {0}});
}

}  // namespace

size_t NodeFiles::DatasetOf(size_t node, DType dtype) const {
  const std::vector<Hdf5Dataset>& datasets = nodes[node].datasets;
  const auto found = std::find_if(
      datasets.begin(), datasets.end(),
      [&](const Hdf5Dataset& dataset) { return dataset.dtype == dtype; });
  return static_cast<size_t>(found - datasets.begin());
}

FilePlace NodeFiles::PlaceOf(const StateMap& map, size_t rank,
                             size_t range) const {
  const DType dtype = map.tensors[map.ranges[rank][range].tensor].dtype;
  const size_t node = node_of_rank[rank];
  return {static_cast<uint32_t>(node),
          nodes[node].offsets[DatasetOf(node, dtype)] +
              static_cast<uint64_t>(begins[rank][range] * SizeOf(dtype))};
}

NodeFiles LayOutNodes(const StateMap& map,
                      const std::vector<size_t>& node_of_rank) {
  NodeFiles files;
  files.node_of_rank = node_of_rank;
  files.nodes.resize(
      1 + *std::max_element(node_of_rank.begin(), node_of_rank.end()));
  for (size_t rank = 0; rank < map.ranges.size(); ++rank) {
    NodeFile* node = &files.nodes[node_of_rank[rank]];
    std::vector<int64_t>& begins = files.begins.emplace_back();
    for (const StateRange& range : map.ranges[rank]) {
      int64_t& used =
          DatasetFor(map.tensors[range.tensor].dtype, node).shape[0];
      begins.push_back(used);
      used += range.end - range.begin;
    }
  }
  for (NodeFile& node : files.nodes) node.offsets.resize(node.datasets.size());
  return files;
}

std::vector<std::vector<Hdf5Part>> PartsOfTensors(const StateMap& map,
                                                  const NodeFiles& files) {
  std::vector<std::vector<Hdf5Part>> parts(map.tensors.size());
  for (size_t rank = 0; rank < map.ranges.size(); ++rank) {
    const size_t node = files.node_of_rank[rank];
    for (size_t i = 0; i < map.ranges[rank].size(); ++i) {
      const StateRange& range = map.ranges[rank][i];
      const DType dtype = map.tensors[range.tensor].dtype;
      const Hdf5Dataset& dataset =
          files.nodes[node].datasets[files.DatasetOf(node, dtype)];
      parts[range.tensor].push_back({range.begin, range.end - range.begin,
                                     NodeFileName(node), dataset.path,
                                     files.begins[rank][i], dataset.shape[0]});
    }
  }
  return parts;
}

}  // namespace perdure
