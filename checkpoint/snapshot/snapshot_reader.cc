#include "checkpoint/snapshot/snapshot_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/state_reader.h"
#include "checkpoint/snapshot/nodes.h"
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
  for (const ManifestExtent& extent : manifest.extents()) {
    if (!extent.has_tensor()) continue;
    const auto number = static_cast<int>(extent.tensor());
    if (!IsScattered(manifest.tensors(number))) continue;
    StoredTensor& tensor = tensors[extent.tensor()];
    tensor.parts.push_back(
        {static_cast<int64_t>(extent.begin()),
         static_cast<int64_t>(extent.length()) / SizeOf(tensor.dtype),
         extent.file(), extent.offset()});
  }
  for (StoredTensor& tensor : tensors) {
    std::sort(tensor.parts.begin(), tensor.parts.end(),
              [](const StoredPart& a, const StoredPart& b) {
                return a.begin < b.begin;
              });
  }
  return tensors;
}

std::vector<std::vector<FileBlock>> Blocks(const SnapshotManifest& manifest) {
  std::vector<std::vector<FileBlock>> blocks(manifest.files_size());
  for (const ManifestExtent& extent : manifest.extents()) {
    const int32_t label =
        extent.has_tensor() ? static_cast<int32_t>(extent.tensor()) : -1;
    const uint64_t size =
        label < 0 ? 1 : SizeOf(*DTypeFromName(manifest.tensors(label).dtype()));
    ForEachBlock(extent,
                 [&](uint64_t offset, uint64_t bytes, uint64_t checksum) {
                   blocks[extent.file()].push_back(
                       {offset, bytes, checksum, label,
                        extent.begin() + (offset - extent.offset()) / size});
                 });
  }
  return blocks;
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
    absl::string_view dir, Completeness completeness) {
  if (!IsDirectory(dir)) {
    return absl::NotFoundError(absl::StrCat(dir, ": no such directory"));
  }
  ASSIGN_OR_RETURN(const SnapshotManifest manifest, ReadManifest(dir));
  std::unique_ptr<SnapshotReader> reader(new SnapshotReader(dir, completeness));
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
    RETURN_IF_ERROR(reader->OpenFile(manifest.files(i), std::move(blocks[i])));
  }
  return reader;
}

absl::Status SnapshotReader::OpenFile(const ManifestFile& entry,
                                      std::vector<FileBlock> blocks) {
  entries_.push_back({entry.name(), entry.bytes(), blocks.size()});
  const std::string path = JoinPath(dir_, entry.name());
  absl::StatusOr<File> file = OpenOfSize(path, entry.bytes());
  held_.push_back(file.ok());
  if (!file.ok()) {
    if (completeness_ == kAllFiles) return file.status();
    file = File();
  }
  // The reader is on the heap and outlives its files.
  files_.emplace_back(
      *std::move(file), std::move(blocks), [index = &index_](int32_t label) {
        const StoredTensor& tensor = index->tensors()[label];
        return absl::StrCat(StateKindName(tensor.kind), " ", tensor.name);
      });
  // Large files are read once: the page cache would only cost a copy.
  if (entry.bytes() < kDirectBytes || !held_.back()) return absl::OkStatus();
  absl::StatusOr<File> direct = File::Open(path, File::Mode::kDirectRead);
  if (direct.ok()) files_.back().UseDirect(*std::move(direct));
  return absl::OkStatus();
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
    // A request may have a run for every row of a matrix: not to be copied.
    const std::vector<StateRequest>* wanted = &requests;
    std::vector<StateRequest> selected;
    if (options.weights_only || !options.patterns.empty()) {
      ASSIGN_OR_RETURN(selected, SelectRequests(requests, options));
      wanted = &selected;
    }
    ASSIGN_OR_RETURN(fetches,
                     FetchesOf(*wanted, index_, files_.size(), description()));
    return absl::OkStatus();
  };
  absl::Status common;
  RETURN_IF_ERROR(ShareStatus(world, prepare(), &common));
  RETURN_IF_ERROR(common);
  const std::string name = NodeName(options.node);
  ASSIGN_OR_RETURN(const std::unique_ptr<Communicator> node,
                   SplitByNode(world, name));
  LoadReport report;
  while (true) {
    report.bytes_read = report.bytes_needed = 0;
    Findings found;
    const absl::Status loaded =
        LoadOnce(world, *node, fetches, &report, &found);
    if (!loaded.ok()) {
      return report.warnings.empty()
                 ? loaded
                 : Annotate(loaded, absl::StrJoin(report.warnings, "; "));
    }
    RETURN_IF_ERROR(ShareStatus(world, found.status, &common));
    if (common.ok()) break;
    if (completeness_ == kAllFiles || !absl::IsDataLoss(common)) return common;
    report.warnings.push_back(std::string(common.message()));
    RETURN_IF_ERROR(GiveUpFiles(world, name, found));
  }
  report.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  return report;
}

absl::Status SnapshotReader::LoadOnce(
    Communicator& world, Communicator& node,
    const std::vector<std::vector<Fetch>>& fetches, LoadReport* report,
    Findings* found) {
  if (completeness_ == kAllFiles) {
    return LoadTogether(node, files_, fetches, nullptr, report, found);
  }
  std::vector<std::string> names;
  for (const FileEntry& entry : entries_) names.push_back(entry.name);
  ASSIGN_OR_RETURN(const std::unique_ptr<NodeExchange> elsewhere,
                   NodeExchange::Create(world, node, files_, held_, names));
  return Annotate(
      LoadTogether(node, files_, fetches, elsewhere.get(), report, found),
      absl::StrCat("snapshot of step ", run_.step));
}

// Collective: what any rank has found damaged its node does not hold any more.
absl::Status SnapshotReader::GiveUpFiles(Communicator& world,
                                         const std::string& node,
                                         const Findings& found) {
  std::string mine;
  for (const size_t file : found.damaged_files) {
    absl::StrAppend(&mine, node, "/", entries_[file].name, "\n");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> all,
                   AllGatherStrings(world, mine));
  const std::string lines = absl::StrJoin(all, "");
  for (size_t i = 0; i < entries_.size(); ++i) {
    const std::string line = absl::StrCat(node, "/", entries_[i].name, "\n");
    if (absl::StrContains(lines, line)) held_[i] = false;
  }
  return absl::OkStatus();
}

}  // namespace perdure
