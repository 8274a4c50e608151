#include "checkpoint/snapshot/manifest_builder.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/write_list.h"

namespace perdure {
namespace {

void AddTensors(const SnapshotPlan& plan, SnapshotManifest* manifest) {
  const int64_t step = manifest->run().step();
  for (size_t i = 0; i < plan.map.tensors.size(); ++i) {
    const StateTensor& planned = plan.map.tensors[i];
    ManifestTensor* tensor = manifest->add_tensors();
    tensor->set_name(planned.name);
    tensor->set_kind(StateKindName(planned.kind));
    tensor->set_dtype(std::string(DTypeName(planned.dtype)));
    tensor->mutable_shape()->Assign(planned.shape.begin(), planned.shape.end());
    if (!plan.per_node.has_value()) {
      tensor->set_file(plan.FileOf(i));
      tensor->set_offset(plan.offsets[i]);
    }
    tensor->set_digest(0);
    tensor->set_step(step);
  }
  for (const Alias& alias : plan.aliases) {
    ManifestTensor* tensor = manifest->add_tensors();
    for (size_t i = 0; i < plan.weights; ++i) {
      if (plan.map.tensors[i].name == alias.alias_of) {
        tensor->set_dtype(manifest->tensors(static_cast<int>(i)).dtype());
      }
    }
    tensor->set_name(alias.name);
    tensor->set_kind(StateKindName(StateKind::kWeight));
    tensor->mutable_shape()->Assign(alias.shape.begin(), alias.shape.end());
    tensor->set_alias_of(alias.alias_of);
  }
}

// Rows of an inner-dim shard: equal extents at equal distance are one entry,
// whose checksums come run by run.
bool ContinuesPattern(const ManifestExtent& pattern,
                      const WriteExtent& extent) {
  if (pattern.tensor() != extent.tensor || pattern.length() != extent.bytes ||
      extent.offset < pattern.offset() + pattern.length()) {
    return false;
  }
  if (pattern.count() == 1) {
    return extent.bytes < kBlockBytes;
  }
  return extent.offset == pattern.offset() + pattern.count() * pattern.stride();
}

void AddExtents(const SnapshotPlan& plan,
                const std::vector<WrittenSums>& of_ranks,
                SnapshotManifest* manifest) {
  for (size_t rank = 0; rank < of_ranks.size(); ++rank) {
    const WrittenSums& sums = of_ranks[rank];
    const std::vector<WriteExtent> extents = ExtentsOf(plan, rank);
    size_t block = 0;
    ManifestExtent* extent = nullptr;
    for (size_t i = 0; i < extents.size(); ++i) {
      const WriteExtent& planned = extents[i];
      if (i > 0 && !plan.per_node.has_value() &&
          ContinuesPattern(*extent, planned)) {
        if (extent->count() == 1) {
          extent->set_stride(planned.offset - extent->offset());
        }
        extent->set_count(extent->count() + 1);
      } else {
        extent = manifest->add_extents();
        extent->set_file(planned.file);
        extent->set_tensor(planned.tensor);
        extent->set_begin(static_cast<uint64_t>(planned.begin));
        extent->set_offset(planned.offset);
        extent->set_length(planned.bytes);
      }
      for (uint64_t n = BlocksOf(planned.bytes); n > 0; --n) {
        extent->add_checksums(sums.checksums[block++]);
      }
      ManifestTensor* tensor =
          manifest->mutable_tensors(static_cast<int>(planned.tensor));
      tensor->set_digest(tensor->digest() + sums.digests[i]);
    }
  }
}

}  // namespace

absl::Status FinishManifest(const SnapshotPlan& plan,
                            const std::vector<WrittenSums>& of_ranks,
                            SnapshotManifest* manifest) {
  manifest->set_version(plan.per_node.has_value() ? kManifestVersion
                                                  : kOneFileVersion);
  AddTensors(plan, manifest);
  AddExtents(plan, of_ranks, manifest);
  const absl::Status sound = CheckManifest(*manifest);
  if (sound.ok()) return sound;
  return absl::InternalError(
      absl::StrCat("the snapshot written is not sound: ", sound.message()));
}

}  // namespace perdure
