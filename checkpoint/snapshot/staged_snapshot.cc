#include "checkpoint/snapshot/staged_snapshot.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/manifest_builder.h"
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

// Reads structure bytes from memory.
auto FromText(const std::string& text) {
  return [&text](uint64_t offset, char* data, size_t size) {
    std::memcpy(data, text.data() + offset, size);
    return absl::OkStatus();
  };
}

}  // namespace

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
  uint64_t bytes = 0;
  for (const PlannedFile& file : files_) bytes += file.layout.bytes;
  return bytes;
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
  for (const PlannedFile& planned : files_) {
    if (!planned.of_ranks) continue;
    ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file,
                     storage_.Create(Path(planned.layout.name)));
    RETURN_IF_ERROR(file->Allocate(planned.layout.bytes));
    if (header_first && planned.header != nullptr) {
      RETURN_IF_ERROR(
          file->WriteAt(0, planned.header->data(), planned.header->size()));
    }
    RETURN_IF_ERROR(file->Close());
  }
  return absl::OkStatus();
}

absl::Status StagedSnapshot::WriteStructures(SnapshotManifest* manifest) {
  for (const PlannedFile& file : files_) {
    const auto write = file.of_ranks ? FillStructure : WriteStructure;
    RETURN_IF_ERROR(write(
        storage_, Path(""), file.layout,
        [&](uint64_t offset, char* data, size_t size) {
          file.ReadStructure(offset, data, size);
          return absl::OkStatus();
        },
        manifest));
  }
  return absl::OkStatus();
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

absl::Status StagedSnapshot::Commit(const std::vector<WrittenSums>& of_ranks,
                                    Head head) {
  SnapshotManifest& manifest = head.manifest;
  RETURN_IF_ERROR(WriteStructures(&manifest));
  RETURN_IF_ERROR(WriteSideFiles(head.side_files, &manifest));
  RETURN_IF_ERROR(FinishManifest(plan_, of_ranks, &manifest));
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
