#include "checkpoint/convert/snapshot_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/journal/journal.h"
#include "checkpoint/snapshot/names.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

class SnapshotTensor : public LazyTensor {
 public:
  SnapshotTensor(std::shared_ptr<SnapshotReader> snapshot,
                 const StoredTensor& stored)
      : LazyTensor(stored.dtype, stored.shape),
        snapshot_(std::move(snapshot)),
        name_(stored.name),
        kind_(stored.kind) {}

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    StateRequest request;
    request.tensor = name_;
    request.kind = kind_;
    request.dtype = dtype();
    request.shape = shape();
    request.runs = runs;
    request.base = base;
    return snapshot_->Read({std::move(request)});
  }

 private:
  const std::shared_ptr<SnapshotReader> snapshot_;
  const std::string name_;
  const StateKind kind_;
};

// What a committed snapshot or one in the making is called.
bool IsSnapshotName(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash != absl::string_view::npos) path.remove_prefix(slash + 1);
  return ParseSnapshotName(path).has_value() ||
         ParseTemporaryName(path).has_value();
}

std::vector<StoredTensor> StoredTensors(
    const ModelConfig& model, const std::vector<ConvertedTensor>& tensors) {
  std::vector<StoredTensor> stored;
  for (size_t i = 0; i < tensors.size(); ++i) {
    StoredTensor entry;
    entry.name = tensors[i].name;
    entry.kind = tensors[i].kind;
    entry.dtype = tensors[i].tensor->dtype();
    entry.shape = tensors[i].tensor->shape();
    entry.file = i;
    stored.push_back(std::move(entry));
  }
  const size_t count = stored.size();
  for (const ParamSpec& spec : ModelParams(model)) {
    if (spec.alias_of.empty()) continue;
    for (size_t i = 0; i < count; ++i) {
      if (stored[i].name != spec.alias_of ||
          stored[i].kind != StateKind::kWeight) {
        continue;
      }
      StoredTensor alias = stored[i];
      alias.name = spec.name;
      alias.alias_of = spec.alias_of;
      stored.push_back(std::move(alias));
    }
  }
  return stored;
}

}  // namespace

bool LooksLikeSnapshot(absl::string_view path) {
  // Without a manifest a snapshot looks like any Hugging Face directory, but
  // its weights may be half written.
  return FileExists(JoinPath(path, kManifestName)) ||
         (IsDirectory(path) && IsSnapshotName(path)) ||
         IsDirectory(JoinPath(path, kSnapshotsDirectory));
}

absl::StatusOr<std::string> ResolveSnapshot(absl::string_view path) {
  if (FileExists(JoinPath(path, kManifestName)) || IsSnapshotName(path) ||
      !IsDirectory(JoinPath(path, kSnapshotsDirectory))) {
    return std::string(path);
  }
  std::vector<std::string> warnings;
  const auto snapshot = OpenNewestOfRun(path, &warnings);
  for (const std::string& warning : warnings) LOG(WARNING) << warning;
  RETURN_IF_ERROR(snapshot.status());
  return (*snapshot)->directory();
}

absl::StatusOr<TensorSource> OpenSnapshotSource(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string directory, ResolveSnapshot(path));
  ASSIGN_OR_RETURN(std::unique_ptr<SnapshotReader> opened,
                   SnapshotReader::Open(directory));
  const std::shared_ptr<SnapshotReader> snapshot = std::move(opened);
  TensorSource source;
  source.description = snapshot->description();
  source.model = snapshot->model();
  source.run = snapshot->run();
  source.directory = directory;
  for (const StoredTensor& stored : snapshot->index().tensors()) {
    if (!stored.alias_of.empty()) continue;
    SourceTensor tensor = ReadableTensor(
        stored.name, std::make_shared<SnapshotTensor>(snapshot, stored));
    tensor.kind = stored.kind;
    source.tensors.push_back(std::move(tensor));
  }
  for (size_t i = 0; i < snapshot->file_entries().size(); ++i) {
    const std::string& name = snapshot->file_entries()[i].name;
    if (IsStateFile(name)) continue;
    std::string content;
    RETURN_IF_ERROR(snapshot->file(i).ForEach(
        [&](uint64_t, const char* data, uint64_t bytes) {
          content.append(data, bytes);
          return absl::OkStatus();
        }));
    if (name == kConfigName) source.config_json = std::move(content);
  }
  return source;
}

ConvertedSource::ConvertedSource(std::string description,
                                 const ModelConfig& model,
                                 std::vector<ConvertedTensor> tensors)
    : description_(std::move(description)),
      tensors_(std::move(tensors)),
      index_(StoredTensors(model, tensors_)) {}

absl::Status ConvertedSource::Read(const std::vector<StateRequest>& requests) {
  ASSIGN_OR_RETURN(const std::vector<const StoredTensor*> found,
                   index_.Resolve(requests, description_));
  for (size_t i = 0; i < requests.size(); ++i) {
    const StateRequest& request = requests[i];
    const LazyRef tensor = Cast(tensors_[found[i]->file].tensor, request.dtype);
    const absl::Status status =
        tensor->Read(request.runs, static_cast<char*>(request.base));
    if (!status.ok()) return Annotate(status, description_);
  }
  return absl::OkStatus();
}

}  // namespace perdure
