#include "checkpoint/snapshot/staged_snapshot.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/structure_writer.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

// The manifest, directories and the file system's own records.
uint64_t WithOverhead(uint64_t bytes) {
  return bytes + bytes / 256 + (uint64_t{1} << 20);
}

void AddTensors(const SnapshotPlan& plan, SnapshotManifest* manifest) {
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const PlannedTensor& planned = plan.tensors[i];
    ManifestTensor* tensor = manifest->add_tensors();
    tensor->set_name(planned.tensor.name);
    tensor->set_kind(StateKindName(planned.kind));
    tensor->set_dtype(std::string(DTypeName(planned.tensor.dtype)));
    tensor->mutable_shape()->Assign(planned.tensor.shape.begin(),
                                    planned.tensor.shape.end());
    tensor->set_file(plan.FileOf(i));
    tensor->set_offset(plan.offsets[i]);
  }
  for (const Alias& alias : plan.aliases) {
    ManifestTensor* tensor = manifest->add_tensors();
    for (size_t i = 0; i < plan.weights; ++i) {
      if (plan.tensors[i].tensor.name == alias.alias_of) {
        tensor->set_dtype(manifest->tensors(static_cast<int>(i)).dtype());
      }
    }
    tensor->set_name(alias.name);
    tensor->set_kind(StateKindName(StateKind::kWeight));
    tensor->mutable_shape()->Assign(alias.shape.begin(), alias.shape.end());
    tensor->set_alias_of(alias.alias_of);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<StagedSnapshot>> StagedSnapshot::Create(
    Storage& storage, const SnapshotPaths& paths, const SnapshotPlan& plan,
    const std::vector<SideFile>& side_files) {
  std::unique_ptr<StagedSnapshot> staged(new StagedSnapshot(storage, paths));
  if (!plan.datasets.empty()) {
    ASSIGN_OR_RETURN(staged->skeleton_, BuildHdf5Skeleton(plan.datasets));
  }
  RETURN_IF_ERROR(staged->CheckSpace(plan));
  const std::string directory = staged->Path("");
  RETURN_IF_ERROR(storage.RemoveTree(directory));
  staged->exists_ = true;
  RETURN_IF_ERROR(storage.CreateDirectories(directory));
  RETURN_IF_ERROR(staged->WriteStructures(plan));
  for (const SideFile& side_file : side_files) {
    RETURN_IF_ERROR(staged->WriteSideFile(side_file));
  }
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

absl::Status StagedSnapshot::CheckSpace(const SnapshotPlan& plan) const {
  const uint64_t needed =
      WithOverhead(plan.layout.file_bytes + skeleton_.image.bytes());
  ASSIGN_OR_RETURN(const uint64_t free, storage_.FreeBytes(paths_.parent));
  if (free >= needed) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      paths_.parent, ": the snapshot needs ", HumanBytes(needed), ", ",
      HumanBytes(free), " are free; free some space and resume"));
}

absl::Status StagedSnapshot::WriteStructures(const SnapshotPlan& plan) {
  FileLayout weights{kWeightsName, plan.layout.file_bytes, {}};
  FileLayout optimizer{kOptimizerName, skeleton_.image.bytes(), {}};
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const bool is_weight = i < plan.weights;
    const uint64_t begin =
        is_weight ? plan.offsets[i] : skeleton_.offsets[i - plan.weights];
    (is_weight ? weights : optimizer)
        .taken.emplace_back(begin, begin + plan.tensors[i].tensor.bytes());
  }
  const std::string& header = plan.layout.header;
  RETURN_IF_ERROR(WriteStructure(
      storage_, Path(""), weights,
      [&](uint64_t offset, char* data, size_t size) {
        std::memcpy(data, header.data() + offset, size);
        return absl::OkStatus();
      },
      &manifest_));
  if (plan.datasets.empty()) return absl::OkStatus();
  return WriteStructure(
      storage_, Path(""), optimizer,
      [&](uint64_t offset, char* data, size_t size) {
        skeleton_.image.Read(offset, data, size);
        return absl::OkStatus();
      },
      &manifest_);
}

absl::Status StagedSnapshot::WriteSideFile(const SideFile& side_file) {
  const auto& [name, content] = side_file;
  return WriteStructure(
      storage_, Path(""), FileLayout{name, content.size(), {}},
      [&content = content](uint64_t offset, char* data, size_t size) {
        std::memcpy(data, content.data() + offset, size);
        return absl::OkStatus();
      },
      &manifest_);
}

absl::Status StagedSnapshot::Commit(const SnapshotPlan& plan,
                                    const std::vector<RankExtents>& of_ranks,
                                    SnapshotManifest head) {
  manifest_.MergeFrom(head);
  manifest_.set_version(kManifestVersion);
  AddTensors(plan, &manifest_);
  for (const RankExtents& extents : of_ranks) {
    manifest_.mutable_extents()->MergeFrom(extents.extents());
  }
  if (const absl::Status sound = CheckManifest(manifest_); !sound.ok()) {
    return absl::InternalError(
        absl::StrCat("the snapshot written is not sound: ", sound.message()));
  }
  const std::string unfinished = absl::StrCat(kManifestName, ".tmp");
  RETURN_IF_ERROR(
      WriteNewFile(storage_, Path(unfinished), EncodeManifest(manifest_)));
  RETURN_IF_ERROR(storage_.Rename(Path(unfinished), Path(kManifestName)));
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
