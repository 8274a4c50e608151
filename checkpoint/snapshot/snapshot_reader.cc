#include "checkpoint/snapshot/snapshot_reader.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/state_reader.h"
#include "checkpoint/snapshot/results.h"
#include "checkpoint/snapshot/state_loader.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

std::optional<StateKind> ParseKind(const std::string& name) {
  for (const StateKind kind : {StateKind::kWeight, StateKind::kMaster,
                               StateKind::kMoment1, StateKind::kMoment2}) {
    if (name == StateKindName(kind)) return kind;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<StoredTensor>> StoredTensors(
    const SnapshotManifest& manifest, absl::string_view dir) {
  std::vector<StoredTensor> tensors;
  for (const ManifestTensor& entry : manifest.tensors()) {
    const std::optional<StateKind> kind = ParseKind(entry.kind());
    if (!kind.has_value()) {
      return absl::FailedPreconditionError(
          absl::StrCat(dir, ": tensor ", entry.name(), " is of kind '",
                       entry.kind(), "', which this program does not know"));
    }
    StoredTensor tensor;
    tensor.name = entry.name();
    tensor.kind = *kind;
    tensor.dtype = *DTypeFromName(entry.dtype());
    tensor.shape.assign(entry.shape().begin(), entry.shape().end());
    tensor.file = entry.file();
    tensor.offset = entry.offset();
    tensor.alias_of = entry.alias_of();
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::vector<std::vector<FileBlock>> Blocks(const SnapshotManifest& manifest) {
  std::vector<std::vector<FileBlock>> blocks(manifest.files_size());
  for (const ManifestExtent& extent : manifest.extents()) {
    const int32_t label =
        extent.has_tensor() ? static_cast<int32_t>(extent.tensor()) : -1;
    ForEachBlock(
        extent, [&](uint64_t offset, uint64_t bytes, uint64_t checksum) {
          blocks[extent.file()].push_back({offset, bytes, checksum, label});
        });
  }
  return blocks;
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

// From here on a file is worth reading around the page cache.
constexpr uint64_t kDirectBytes = uint64_t{1} << 20;

absl::StatusOr<File> OpenOfSize(const std::string& path, uint64_t bytes) {
  absl::StatusOr<File> file = File::Open(path, File::Mode::kRead);
  if (absl::IsNotFound(file.status())) {
    return absl::DataLossError(absl::StrCat(path, ": missing"));
  }
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size != bytes) {
    return absl::DataLossError(absl::StrCat(
        path, ": ", size, " bytes long, not ", bytes, "; it is damaged"));
  }
  return file;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Snapshot>> Snapshot::Open(
    absl::string_view dir) {
  ASSIGN_OR_RETURN(std::unique_ptr<SnapshotReader> reader,
                   SnapshotReader::Open(dir));
  return std::unique_ptr<Snapshot>(std::move(reader));
}

absl::StatusOr<std::unique_ptr<SnapshotReader>> SnapshotReader::Open(
    absl::string_view dir) {
  if (!IsDirectory(dir)) {
    return absl::NotFoundError(absl::StrCat(dir, ": no such directory"));
  }
  ASSIGN_OR_RETURN(const SnapshotManifest manifest, ReadManifest(dir));
  std::unique_ptr<SnapshotReader> reader(new SnapshotReader(dir));
  reader->run_ = FromManifest(manifest.run());
  reader->model_ = manifest.model();
  ASSIGN_OR_RETURN(std::vector<StoredTensor> tensors,
                   StoredTensors(manifest, dir));
  reader->index_ = TensorIndex(std::move(tensors));
  for (const ManifestTensor& tensor : manifest.tensors()) {
    std::optional<uint64_t>& digest = reader->digests_.emplace_back();
    if (tensor.has_digest()) digest = tensor.digest();
  }
  std::vector<std::vector<FileBlock>> blocks = Blocks(manifest);
  for (int i = 0; i < manifest.files_size(); ++i) {
    const ManifestFile& entry = manifest.files(i);
    reader->entries_.push_back({entry.name(), entry.bytes(), blocks[i].size()});
    ASSIGN_OR_RETURN(File file,
                     OpenOfSize(JoinPath(dir, entry.name()), entry.bytes()));
    // The reader is on the heap and outlives its files.
    const TensorIndex* index = &reader->index_;
    reader->files_.emplace_back(
        std::move(file), std::move(blocks[i]), [index](int32_t label) {
          const StoredTensor& tensor = index->tensors()[label];
          return absl::StrCat(StateKindName(tensor.kind), " ", tensor.name);
        });
    // Large files are read once: the page cache would only cost a copy.
    if (entry.bytes() < kDirectBytes) continue;
    absl::StatusOr<File> direct =
        File::Open(JoinPath(dir, entry.name()), File::Mode::kDirectRead);
    if (direct.ok()) reader->files_.back().UseDirect(std::move(*direct));
  }
  return reader;
}

std::string SnapshotReader::description() const {
  return absl::StrCat("snapshot ", dir_);
}

std::vector<std::string> SnapshotReader::Names(StateKind kind) const {
  return index_.Names(kind);
}

absl::Status SnapshotReader::Read(const std::vector<StateRequest>& requests) {
  return ReadState(requests, index_, files_, description());
}

uint64_t SnapshotReader::TotalBytes() const {
  uint64_t total = 0;
  for (const FileEntry& entry : entries_) total += entry.bytes;
  return total;
}

absl::StatusOr<LoadReport> SnapshotReader::Load(
    Communicator& world, const std::vector<StateRequest>& requests,
    const LoadOptions& options) {
  const absl::Time start = absl::Now();
  std::vector<std::vector<Fetch>> fetches;
  const auto prepare = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<StateRequest> selected,
                     SelectRequests(requests, options));
    ASSIGN_OR_RETURN(fetches,
                     FetchesOf(selected, index_, files_.size(), description()));
    return absl::OkStatus();
  };
  absl::Status common;
  RETURN_IF_ERROR(ShareStatus(world, prepare(), &common));
  RETURN_IF_ERROR(common);
  ASSIGN_OR_RETURN(
      const std::unique_ptr<Communicator> node,
      SplitByNode(world, options.node.empty() ? HostName() : options.node));
  LoadReport report;
  absl::Status found;
  RETURN_IF_ERROR(LoadTogether(*node, files_, fetches, &report, &found));
  RETURN_IF_ERROR(ShareStatus(world, found, &common));
  RETURN_IF_ERROR(common);
  report.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  return report;
}

}  // namespace perdure
