#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "checkpoint/convert/convert.h"
#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/convert/lora_export.h"
#include "checkpoint/convert/paths.h"
#include "checkpoint/convert/snapshot_source.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "glog/logging.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

// Copies a file of the snapshot; every block is checked on its way.
absl::Status CopyFile(Storage& storage, const SnapshotReader& snapshot,
                      size_t file, const std::string& directory) {
  const SnapshotReader::FileEntry& entry = snapshot.file_entries()[file];
  ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> target,
                   storage.Create(JoinPath(directory, entry.name)));
  RETURN_IF_ERROR(target->Allocate(entry.bytes));
  RETURN_IF_ERROR(snapshot.file(file).ForEach(
      [&](uint64_t offset, const char* data, uint64_t bytes) {
        return target->WriteAt(offset, data, bytes);
      }));
  RETURN_IF_ERROR(target->Sync());
  return target->Close();
}

absl::Status CheckTarget(absl::string_view hf_dir) {
  if (!FileExists(hf_dir)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(hf_dir));
  if (names.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      hf_dir, " is not empty; export makes a directory or fills an empty one"));
}

absl::Status CheckAdapters(const SnapshotReader& snapshot,
                           const ExportOptions& options) {
  const ModelConfig& model = snapshot.model();
  if (options.merge_lora && !model.has_lora()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--merge_lora: ", snapshot.directory(), " has no low-rank adapters"));
  }
  if (!model.has_prefix()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      snapshot.directory(),
      " has a prefix (model.prefix), which no Hugging Face directory can hold: "
      "PEFT's prefix moves the positions of the text, Perdure's does not; read "
      "prefix_k and prefix_v from ",
      JoinPath(snapshot.directory(), kWeightsName),
      ", and pass them as past_key_values with position_ids from 0"));
}

absl::Status FillWithAdapters(SnapshotReader& snapshot,
                              const ExportOptions& options, Storage& storage,
                              const std::string& directory) {
  if (!options.merge_lora) {
    return WritePeftAdapter(snapshot, storage, directory);
  }
  for (size_t i = 0; i < snapshot.file_entries().size(); ++i) {
    const std::string& name = snapshot.file_entries()[i].name;
    if (IsStateFile(name)) continue;
    RETURN_IF_ERROR(CopyFile(storage, snapshot, i, directory));
  }
  return WriteMergedWeights(snapshot, storage, directory);
}

}  // namespace

absl::Status ImportHuggingFace(absl::string_view hf_dir,
                               absl::string_view snapshot_dir) {
  ConvertOptions options;
  options.source = std::string(hf_dir);
  options.target = std::string(snapshot_dir);
  options.from = "hf";
  options.to = "perdure";
  return Convert(options, {}).status();
}

absl::Status ExportHuggingFace(absl::string_view snapshot_dir,
                               absl::string_view hf_dir,
                               const ExportOptions& options) {
  // Of a run: its newest.
  ASSIGN_OR_RETURN(const std::string resolved, ResolveSnapshot(snapshot_dir));
  ASSIGN_OR_RETURN(const std::unique_ptr<SnapshotReader> snapshot,
                   SnapshotReader::Open(resolved));
  RETURN_IF_ERROR(CheckAdapters(*snapshot, options));
  if (!snapshot->model().has_lora()) {
    ConvertOptions convert;
    convert.source = resolved;
    convert.target = std::string(hf_dir);
    convert.from = "perdure";
    convert.to = "hf";
    return Convert(convert, {}).status();
  }
  RETURN_IF_ERROR(CheckTarget(hf_dir));
  const NewDirectory target = SplitNewDirectory(hf_dir);
  const std::string directory = JoinPath(target.parent, target.temporary);
  const std::unique_ptr<Storage> storage = MakePosixStorage();
  RETURN_IF_ERROR(storage->RemoveTree(directory));
  RETURN_IF_ERROR(storage->CreateDirectories(directory));
  absl::Cleanup discard = [&] {
    const absl::Status removed = storage->RemoveTree(directory);
    if (!removed.ok()) LOG(WARNING) << "left behind: " << removed.message();
  };
  RETURN_IF_ERROR(FillWithAdapters(*snapshot, options, *storage, directory));
  RETURN_IF_ERROR(storage->SyncDirectory(directory));
  RETURN_IF_ERROR(storage->Rename(directory, std::string(hf_dir)));
  std::move(discard).Cancel();
  return absl::OkStatus();
}

}  // namespace perdure
