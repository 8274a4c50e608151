#include "checkpoint/snapshot/staged_snapshot.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/structure_writer.h"
#include "checkpoint/snapshot/write_list.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

// The manifest, directories and the file system's own records.
uint64_t WithOverhead(uint64_t bytes) {
  return bytes + bytes / 256 + (uint64_t{1} << 20);
}

// Reads structure bytes from memory.
auto FromText(const std::string& text) {
  return [&text](uint64_t offset, char* data, size_t size) {
    std::memcpy(data, text.data() + offset, size);
    return absl::OkStatus();
  };
}

auto FromImage(const SparseImage& image) {
  return [&image](uint64_t offset, char* data, size_t size) {
    image.Read(offset, data, size);
    return absl::OkStatus();
  };
}

}  // namespace

absl::StatusOr<SnapshotStructure> MakeStructure(const SnapshotPlan& plan) {
  SnapshotStructure structure;
  if (!plan.datasets.empty()) {
    ASSIGN_OR_RETURN(structure.optimizer, BuildHdf5Skeleton(plan.datasets));
  }
  std::vector<Hdf5Dataset> views;
  for (size_t i = 0; i < plan.weights; ++i) {
    const StateTensor& tensor = plan.map.tensors[i];
    views.push_back({absl::StrCat("/", tensor.name), tensor.dtype, tensor.shape,
                     kWeightsName, plan.layout.offsets[i]});
  }
  ASSIGN_OR_RETURN(structure.view, BuildHdf5Skeleton(views));
  return structure;
}

absl::StatusOr<std::unique_ptr<StagedSnapshot>> StagedSnapshot::Create(
    Storage& storage, const SnapshotPaths& paths, const SnapshotPlan& plan,
    const SnapshotStructure& structure, bool header_first) {
  std::unique_ptr<StagedSnapshot> staged(
      new StagedSnapshot(storage, paths, plan, structure));
  RETURN_IF_ERROR(staged->CheckSpace());
  const std::string directory = staged->Path("");
  RETURN_IF_ERROR(storage.RemoveTree(directory));
  staged->exists_ = true;
  RETURN_IF_ERROR(storage.CreateDirectories(directory));
  RETURN_IF_ERROR(staged->MakeFiles(header_first));
  return staged;
}

StagedSnapshot::~StagedSnapshot() {
  if (!exists_) return;
  const absl::Status removed = storage_.RemoveTree(Path(""));
  if (!removed.ok()) LOG(WARNING) << "left behind: " << removed.message();
}

std::string StagedSnapshot::Path(const std::string& file) const {
  const std::string directory = JoinPath(paths_.parent, paths_.temporary);
  return file.empty() ? directory : JoinPath(directory, file);
}

uint64_t StagedSnapshot::Bytes() const {
  return plan_.layout.file_bytes + structure_.optimizer.image.bytes() +
         structure_.view.image.bytes();
}

absl::Status StagedSnapshot::CheckSpace() const {
  const uint64_t needed = WithOverhead(Bytes());
  ASSIGN_OR_RETURN(const uint64_t free, storage_.FreeBytes(paths_.parent));
  if (free >= needed) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      paths_.parent, ": the snapshot needs ", HumanBytes(needed), ", ",
      HumanBytes(free), " are free; free some space and resume"));
}

absl::Status StagedSnapshot::MakeFiles(bool header_first) {
  const auto make = [&](const char* name, uint64_t bytes,
                        const std::string& begin) -> absl::Status {
    ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file,
                     storage_.Create(Path(name)));
    RETURN_IF_ERROR(file->Allocate(bytes));
    if (header_first) {
      RETURN_IF_ERROR(file->WriteAt(0, begin.data(), begin.size()));
    }
    return file->Close();
  };
  RETURN_IF_ERROR(
      make(kWeightsName, plan_.layout.file_bytes, plan_.layout.header));
  if (plan_.datasets.empty()) return absl::OkStatus();
  return make(kOptimizerName, structure_.optimizer.image.bytes(), "");
}

absl::Status StagedSnapshot::WriteStructures(SnapshotManifest* manifest) {
  FileLayout weights{kWeightsName, plan_.layout.file_bytes, {}};
  FileLayout optimizer{kOptimizerName, structure_.optimizer.image.bytes(), {}};
  for (size_t i = 0; i < plan_.map.tensors.size(); ++i) {
    (plan_.FileOf(i) == kWeightsFile ? weights : optimizer)
        .taken.emplace_back(plan_.offsets[i],
                            plan_.offsets[i] + plan_.map.tensors[i].bytes());
  }
  RETURN_IF_ERROR(FillStructure(storage_, Path(""), weights,
                                FromText(plan_.layout.header), manifest));
  if (!plan_.datasets.empty()) {
    RETURN_IF_ERROR(FillStructure(storage_, Path(""), optimizer,
                                  FromImage(structure_.optimizer.image),
                                  manifest));
  }
  return WriteStructure(
      storage_, Path(""),
      FileLayout{kWeightsViewName, structure_.view.image.bytes(), {}},
      FromImage(structure_.view.image), manifest);
}

absl::Status StagedSnapshot::WriteSideFiles(
    const std::vector<SideFile>& side_files, SnapshotManifest* manifest) {
  for (const auto& [name, content] : side_files) {
    RETURN_IF_ERROR(WriteStructure(storage_, Path(""),
                                   FileLayout{name, content.size(), {}},
                                   FromText(content), manifest));
  }
  return absl::OkStatus();
}

void StagedSnapshot::AddTensors(SnapshotManifest* manifest) const {
  const int64_t step = manifest->run().step();
  for (size_t i = 0; i < plan_.map.tensors.size(); ++i) {
    const StateTensor& planned = plan_.map.tensors[i];
    ManifestTensor* tensor = manifest->add_tensors();
    tensor->set_name(planned.name);
    tensor->set_kind(StateKindName(planned.kind));
    tensor->set_dtype(std::string(DTypeName(planned.dtype)));
    tensor->mutable_shape()->Assign(planned.shape.begin(), planned.shape.end());
    tensor->set_file(plan_.FileOf(i));
    tensor->set_offset(plan_.offsets[i]);
    tensor->set_digest(0);
    tensor->set_step(step);
  }
  for (const Alias& alias : plan_.aliases) {
    ManifestTensor* tensor = manifest->add_tensors();
    for (size_t i = 0; i < plan_.weights; ++i) {
      if (plan_.map.tensors[i].name == alias.alias_of) {
        tensor->set_dtype(manifest->tensors(static_cast<int>(i)).dtype());
      }
    }
    tensor->set_name(alias.name);
    tensor->set_kind(StateKindName(StateKind::kWeight));
    tensor->mutable_shape()->Assign(alias.shape.begin(), alias.shape.end());
    tensor->set_alias_of(alias.alias_of);
  }
}

namespace {

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

}  // namespace

void StagedSnapshot::AddExtents(const std::vector<WrittenSums>& of_ranks,
                                SnapshotManifest* manifest) const {
  for (size_t rank = 0; rank < of_ranks.size(); ++rank) {
    const WrittenSums& sums = of_ranks[rank];
    const std::vector<WriteExtent> extents = ExtentsOf(plan_, rank);
    size_t block = 0;
    ManifestExtent* extent = nullptr;
    for (size_t i = 0; i < extents.size(); ++i) {
      const WriteExtent& planned = extents[i];
      if (i > 0 && ContinuesPattern(*extent, planned)) {
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

absl::Status StagedSnapshot::Commit(const std::vector<WrittenSums>& of_ranks,
                                    Head head) {
  SnapshotManifest& manifest = head.manifest;
  manifest.set_version(kManifestVersion);
  RETURN_IF_ERROR(WriteStructures(&manifest));
  RETURN_IF_ERROR(WriteSideFiles(head.side_files, &manifest));
  AddTensors(&manifest);
  AddExtents(of_ranks, &manifest);
  if (const absl::Status sound = CheckManifest(manifest); !sound.ok()) {
    return absl::InternalError(
        absl::StrCat("the snapshot written is not sound: ", sound.message()));
  }
  const std::string unfinished = absl::StrCat(kManifestName, ".tmp");
  RETURN_IF_ERROR(
      WriteNewFile(storage_, Path(unfinished), EncodeManifest(manifest)));
  RETURN_IF_ERROR(storage_.Rename(Path(unfinished), Path(kManifestName)));
  if (head.may_commit) RETURN_IF_ERROR(head.may_commit());
  return Rename();
}

absl::Status StagedSnapshot::Rename() {
  const std::string final_path = JoinPath(paths_.parent, paths_.name);
  if (FileExists(final_path)) {
    return absl::FailedPreconditionError(
        absl::StrCat(final_path, " exists; it is not overwritten"));
  }
  const absl::Status renamed = storage_.Rename(Path(""), final_path);
  if (renamed.ok()) {
    exists_ = false;
  } else if (!FileExists(Path("")) && FileExists(final_path)) {
    // The rename was made but is not known to be durable: take it back, so that
    // no rank goes on with a snapshot that others do not have.
    const absl::Status undone = storage_.Rename(final_path, Path(""));
    if (!undone.ok()) LOG(WARNING) << "cannot undo: " << undone.message();
  }
  return renamed;
}

}  // namespace perdure
