#include "checkpoint/snapshot/node_commit.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/commit_content.h"
#include "checkpoint/snapshot/manifest_builder.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "checkpoint/snapshot/snapshots_directory.h"
#include "checkpoint/snapshot/write_protocol.pb.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

// Whether a snapshot is in the way of the run's. One without a whole manifest
// is nobody's.
bool IsStale(const std::string& path, const RunState& run) {
  const absl::StatusOr<SnapshotManifest> manifest = ReadManifest(path);
  if (!manifest.ok()) return true;
  const ManifestRun& there = manifest->run();
  if (there.run_id() != run.run_id) return true;
  return there.generation() < run.generation && there.step() > run.fork_step;
}

auto StructureOf(const PlannedFile& file) {
  return [&file](uint64_t offset, char* data, size_t size) {
    file.ReadStructure(offset, data, size);
    return absl::OkStatus();
  };
}

absl::Status CheckFile(const std::string& directory, size_t node) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SnapshotReader> reader,
                   SnapshotReader::Open(directory, SnapshotReader::kSomeFiles));
  const auto nothing = [](uint64_t, const char*, uint64_t) {
    return absl::OkStatus();
  };
  for (size_t i = 0; i < reader->file_entries().size(); ++i) {
    if (reader->file_entries()[i].name != NodeFileName(node)) continue;
    return reader->file(i).ForEach(nothing);
  }
  return absl::InternalError(absl::StrCat(
      directory, ": the manifest does not have ", NodeFileName(node)));
}

}  // namespace

absl::Status CleanNodeDirectory(Storage& storage, absl::string_view run_dir,
                                const RunState& run) {
  RETURN_IF_ERROR(storage.CreateDirectories(run_dir));
  RETURN_IF_ERROR(CleanSnapshotsDirectory(storage, run_dir, run.generation));
  const std::string snapshots = JoinPath(run_dir, kSnapshotsDirectory);
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(snapshots));
  for (const std::string& name : names) {
    const std::string path = JoinPath(snapshots, name);
    if (!ParseSnapshotName(name).has_value() || !IsStale(path, run)) continue;
    RETURN_IF_ERROR(storage.RemoveTree(path));
  }
  return absl::OkStatus();
}

absl::Status MakeNodeFiles(Storage& storage, const std::string& directory,
                           const PreparedSave& prepared,
                           const std::vector<size_t>& nodes) {
  uint64_t needed = uint64_t{1} << 20;  // the manifest and small files
  for (const size_t node : nodes) {
    needed += prepared.structure->nodes[node].image.bytes();
  }
  needed += needed / 256;
  const std::string parent = directory.substr(0, directory.rfind('/'));
  ASSIGN_OR_RETURN(const uint64_t free, storage.FreeBytes(parent));
  if (free < needed) {
    return absl::AbortedError(
        absl::StrCat(parent, ": this node's part of the snapshot needs ",
                     HumanBytes(needed), ", ", HumanBytes(free),
                     " are free; free some space, or name another directory"));
  }
  RETURN_IF_ERROR(storage.RemoveTree(directory));
  RETURN_IF_ERROR(storage.CreateDirectories(directory));
  for (const size_t node : nodes) {
    ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file,
                     storage.Create(JoinPath(directory, NodeFileName(node))));
    RETURN_IF_ERROR(
        file->Allocate(prepared.structure->nodes[node].image.bytes()));
    RETURN_IF_ERROR(file->Close());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> EncodeNodeCommit(
    const SnapshotWriteOptions& options, const PreparedSave& prepared,
    const RunState& run, const std::vector<WrittenSums>& of_ranks) {
  SnapshotManifest manifest = BeginManifest(options, run);
  for (const PlannedFile& file : FilesOf(*prepared.plan, *prepared.structure)) {
    RETURN_IF_ERROR(
        DescribeStructure(file.layout, StructureOf(file), &manifest));
  }
  ASSIGN_OR_RETURN(std::vector<SideFile> side_files,
                   ReadSideFiles(options, *prepared.plan, ""));
  NodeCommit commit;
  for (auto& [name, content] : side_files) {
    RETURN_IF_ERROR(DescribeStructure(
        FileLayout{name, content.size(), {}},
        [&content](uint64_t offset, char* data, size_t size) {
          std::copy_n(content.data() + offset, size, data);
          return absl::OkStatus();
        },
        &manifest));
    NodeCommit::SideFile* file = commit.add_side_files();
    file->set_name(name);
    file->set_content(std::move(content));
  }
  RETURN_IF_ERROR(FinishManifest(*prepared.plan, of_ranks, &manifest));
  commit.set_manifest(EncodeManifest(manifest));
  return commit.SerializeAsString();
}

absl::Status InstallNodeCommit(Storage& storage, const std::string& directory,
                               const PreparedSave& prepared,
                               const std::vector<size_t>& nodes, int64_t check,
                               absl::string_view message) {
  NodeCommit commit;
  if (!commit.ParseFromArray(message.data(),
                             static_cast<int>(message.size()))) {
    return absl::InternalError("rank 0 sent no NodeCommit");
  }
  const std::vector<PlannedFile> files =
      FilesOf(*prepared.plan, *prepared.structure);
  SnapshotManifest unused;
  for (const size_t node : nodes) {
    RETURN_IF_ERROR(FillStructure(storage, directory, files[node].layout,
                                  StructureOf(files[node]), &unused));
  }
  for (const NodeCommit::SideFile& file : commit.side_files()) {
    RETURN_IF_ERROR(WriteNewFile(storage, JoinPath(directory, file.name()),
                                 file.content()));
  }
  const std::string manifest = JoinPath(directory, kManifestName);
  const std::string unfinished = absl::StrCat(manifest, ".tmp");
  RETURN_IF_ERROR(WriteNewFile(storage, unfinished, commit.manifest()));
  RETURN_IF_ERROR(storage.Rename(unfinished, manifest));
  if (check < 0) return absl::OkStatus();
  return CheckFile(directory, static_cast<size_t>(check));
}

absl::Status NameNodeDirectory(Storage& storage, const std::string& directory,
                               const SnapshotWriteOptions& options,
                               int64_t step) {
  const std::string path = JoinPath(
      JoinPath(options.run_dir, kSnapshotsDirectory), SnapshotName(step));
  RETURN_IF_ERROR(storage.RemoveTree(path));
  RETURN_IF_ERROR(storage.Rename(directory, path));
  const absl::Status pruned = PruneSnapshots(storage, options, step);
  if (!pruned.ok()) LOG(WARNING) << "old snapshots stay: " << pruned.message();
  return absl::OkStatus();
}

}  // namespace perdure
