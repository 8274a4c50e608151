#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/convert/weight_files.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "glog/logging.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

ModelSource FromSnapshot(std::unique_ptr<Snapshot> snapshot) {
  ModelSource source;
  source.model = snapshot->model();
  source.directory = snapshot->directory();
  source.is_snapshot = true;
  source.source = std::move(snapshot);
  return source;
}

// What a committed snapshot or one in the making is called.
bool IsSnapshotName(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash != absl::string_view::npos) path.remove_prefix(slash + 1);
  return ParseSnapshotName(path).has_value() ||
         ParseTemporaryName(path).has_value();
}

}  // namespace

absl::StatusOr<ModelSource> OpenModelSource(absl::string_view path) {
  // Without a manifest a snapshot looks like any Hugging Face directory, but
  // its weights may be half written.
  if (FileExists(JoinPath(path, kManifestName)) ||
      (IsDirectory(path) && IsSnapshotName(path))) {
    ASSIGN_OR_RETURN(std::unique_ptr<Snapshot> snapshot, Snapshot::Open(path));
    return FromSnapshot(std::move(snapshot));
  }
  if (IsDirectory(JoinPath(path, kSnapshotsDirectory))) {
    std::vector<std::string> warnings;
    auto snapshot = OpenNewestSnapshot(path, &warnings);
    for (const std::string& warning : warnings) LOG(WARNING) << warning;
    RETURN_IF_ERROR(snapshot.status());
    return FromSnapshot(*std::move(snapshot));
  }
  if (FileExists(JoinPath(path, kConfigName))) {
    ASSIGN_OR_RETURN(std::unique_ptr<HuggingFaceDirectory> directory,
                     HuggingFaceDirectory::Open(path));
    ModelSource source;
    source.model = directory->model();
    source.directory = std::string(path);
    source.source = std::move(directory);
    return source;
  }
  return absl::NotFoundError(absl::StrCat(
      path, IsDirectory(path) ? "" : ": no such directory", ": looked for ",
      kManifestName, " (a snapshot), ", kSnapshotsDirectory,
      "/step-* (a run directory) and ", kConfigName, " with ", kWeightsName,
      " or ", kIndexName, " (a Hugging Face directory)"));
}

}  // namespace perdure
