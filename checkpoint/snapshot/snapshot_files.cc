#include "checkpoint/snapshot/snapshot_files.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/hdf5_index.h"
#include "checkpoint/snapshot/names.h"

namespace perdure {
namespace {

std::string ViewPath(const StateTensor& tensor) {
  return absl::StrCat("/", tensor.name);
}

absl::StatusOr<SnapshotStructure> OneFileStructure(const SnapshotPlan& plan) {
  SnapshotStructure structure;
  if (!plan.datasets.empty()) {
    ASSIGN_OR_RETURN(structure.optimizer, BuildHdf5Skeleton(plan.datasets));
  }
  std::vector<Hdf5Dataset> views;
  for (size_t i = 0; i < plan.weights; ++i) {
    const StateTensor& tensor = plan.map.tensors[i];
    views.push_back({ViewPath(tensor), tensor.dtype, tensor.shape, kWeightsName,
                     plan.layout.offsets[i]});
  }
  ASSIGN_OR_RETURN(structure.view, BuildHdf5Skeleton(views));
  return structure;
}

absl::StatusOr<SnapshotStructure> PerNodeStructure(const SnapshotPlan& plan,
                                                   bool views) {
  SnapshotStructure structure;
  for (const NodeFile& node : plan.per_node->nodes) {
    ASSIGN_OR_RETURN(structure.nodes.emplace_back(),
                     BuildHdf5Skeleton(node.datasets));
  }
  if (!views) return structure;
  std::vector<std::vector<Hdf5Part>> parts =
      PartsOfTensors(plan.map, *plan.per_node);
  std::vector<Hdf5VirtualDataset> weights, others;
  for (size_t i = 0; i < parts.size(); ++i) {
    const StateTensor& tensor = plan.map.tensors[i];
    const bool weight = i < plan.weights;
    (weight ? weights : others)
        .push_back(
            {weight ? ViewPath(tensor) : plan.datasets[i - plan.weights].path,
             tensor.dtype, tensor.shape, std::move(parts[i])});
  }
  ASSIGN_OR_RETURN(structure.view.image, BuildHdf5Index(weights));
  if (others.empty()) return structure;
  ASSIGN_OR_RETURN(structure.optimizer.image, BuildHdf5Index(others));
  return structure;
}

void AddNodeFiles(const SnapshotPlan& plan, const SnapshotStructure& structure,
                  std::vector<PlannedFile>* files) {
  const NodeFiles& per_node = *plan.per_node;
  for (size_t node = 0; node < per_node.nodes.size(); ++node) {
    const SparseImage& image = structure.nodes[node].image;
    files->push_back({{NodeFileName(node), image.bytes(), {}},
                      /*of_ranks=*/true,
                      nullptr,
                      &image});
  }
  for (size_t rank = 0; rank < plan.map.ranges.size(); ++rank) {
    for (size_t i = 0; i < plan.map.ranges[rank].size(); ++i) {
      const StateRange& range = plan.map.ranges[rank][i];
      const FilePlace place = plan.PlaceOf(rank, i);
      const auto bytes =
          static_cast<uint64_t>((range.end - range.begin) *
                                SizeOf(plan.map.tensors[range.tensor].dtype));
      (*files)[place.file].layout.taken.emplace_back(place.offset,
                                                     place.offset + bytes);
    }
  }
}

void AddSharedFiles(const SnapshotPlan& plan,
                    const SnapshotStructure& structure,
                    std::vector<PlannedFile>* files) {
  files->push_back({{kWeightsName, plan.layout.file_bytes, {}},
                    /*of_ranks=*/true,
                    &plan.layout.header,
                    nullptr});
  if (!plan.datasets.empty()) {
    const SparseImage& image = structure.optimizer.image;
    files->push_back({{kOptimizerName, image.bytes(), {}},
                      /*of_ranks=*/true,
                      nullptr,
                      &image});
  }
  for (size_t i = 0; i < plan.map.tensors.size(); ++i) {
    (*files)[plan.FileOf(i)].layout.taken.emplace_back(
        plan.offsets[i], plan.offsets[i] + plan.map.tensors[i].bytes());
  }
}

}  // namespace

absl::StatusOr<SnapshotStructure> MakeStructure(SnapshotPlan* plan,
                                                bool views) {
  if (plan->per_node.has_value()) {
    ASSIGN_OR_RETURN(SnapshotStructure structure,
                     PerNodeStructure(*plan, views));
    for (size_t node = 0; node < structure.nodes.size(); ++node) {
      plan->per_node->nodes[node].offsets = structure.nodes[node].offsets;
    }
    return structure;
  }
  ASSIGN_OR_RETURN(SnapshotStructure structure, OneFileStructure(*plan));
  SetDecidedOffsets(structure.optimizer.offsets, plan);
  return structure;
}

std::vector<uint64_t> DecidedOffsets(const SnapshotPlan& plan) {
  std::vector<uint64_t> offsets;
  if (plan.per_node.has_value()) {
    for (const NodeFile& node : plan.per_node->nodes) {
      offsets.insert(offsets.end(), node.offsets.begin(), node.offsets.end());
    }
  } else {
    offsets.assign(plan.offsets.begin() + static_cast<int64_t>(plan.weights),
                   plan.offsets.end());
  }
  return offsets;
}

bool SetDecidedOffsets(const std::vector<uint64_t>& offsets,
                       SnapshotPlan* plan) {
  if (offsets.size() != DecidedOffsets(*plan).size()) return false;
  auto next = offsets.begin();
  if (plan->per_node.has_value()) {
    for (NodeFile& node : plan->per_node->nodes) {
      for (uint64_t& offset : node.offsets) offset = *next++;
    }
  } else {
    std::copy(next, offsets.end(),
              plan->offsets.begin() + static_cast<int64_t>(plan->weights));
  }
  return true;
}

void PlannedFile::ReadStructure(uint64_t offset, char* data,
                                size_t size) const {
  if (header != nullptr) {
    std::memcpy(data, header->data() + offset, size);
  } else {
    image->Read(offset, data, size);
  }
}

std::vector<PlannedFile> FilesOf(const SnapshotPlan& plan,
                                 const SnapshotStructure& structure) {
  std::vector<PlannedFile> files;
  if (plan.per_node.has_value()) {
    AddNodeFiles(plan, structure, &files);
    const SparseImage& index = structure.optimizer.image;
    if (index.bytes() > 0) {
      files.push_back(
          {{kOptimizerName, index.bytes(), {}}, false, nullptr, &index});
    }
  } else {
    AddSharedFiles(plan, structure, &files);
  }
  const SparseImage& view = structure.view.image;
  if (view.bytes() > 0) {
    files.push_back(
        {{kWeightsViewName, view.bytes(), {}}, false, nullptr, &view});
  }
  return files;
}

}  // namespace perdure
