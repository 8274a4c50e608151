#include "checkpoint/snapshot/structure_writer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "checkpoint/format/checksum.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

// What the sorted ranges leave of [0, end).
std::vector<std::pair<uint64_t, uint64_t>> Gaps(
    std::vector<std::pair<uint64_t, uint64_t>> taken, uint64_t end) {
  std::sort(taken.begin(), taken.end());
  taken.emplace_back(end, end);
  std::vector<std::pair<uint64_t, uint64_t>> gaps;
  uint64_t at = 0;
  for (const auto& [begin, next] : taken) {
    if (begin > at) gaps.emplace_back(at, begin);
    at = next;
  }
  return gaps;
}

// Without a file nothing is written.
absl::Status Fill(StorageFile* file, const FileLayout& layout,
                  StructureReader read, SnapshotManifest* manifest) {
  const int index = manifest->files_size();
  ManifestFile* entry = manifest->add_files();
  entry->set_name(layout.name);
  entry->set_bytes(layout.bytes);
  std::vector<char> buffer;
  for (const auto& [begin, end] : Gaps(layout.taken, layout.bytes)) {
    ManifestExtent* extent = manifest->add_extents();
    extent->set_file(static_cast<uint32_t>(index));
    extent->set_offset(begin);
    extent->set_length(end - begin);
    for (uint64_t at = begin; at < end; at += kBlockBytes) {
      buffer.resize(std::min(kBlockBytes, end - at));
      RETURN_IF_ERROR(read(at, buffer.data(), buffer.size()));
      extent->add_checksums(Checksum(buffer.data(), buffer.size()));
      if (file == nullptr) continue;
      RETURN_IF_ERROR(file->WriteAt(at, buffer.data(), buffer.size()));
    }
  }
  if (file == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

}  // namespace

absl::Status FillStructure(Storage& storage, absl::string_view directory,
                           const FileLayout& layout, StructureReader read,
                           SnapshotManifest* manifest) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file,
                   storage.Open(JoinPath(directory, layout.name)));
  return Fill(file.get(), layout, read, manifest);
}

absl::Status DescribeStructure(const FileLayout& layout, StructureReader read,
                               SnapshotManifest* manifest) {
  return Fill(nullptr, layout, read, manifest);
}

absl::Status WriteStructure(Storage& storage, absl::string_view directory,
                            const FileLayout& layout, StructureReader read,
                            SnapshotManifest* manifest) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file,
                   storage.Create(JoinPath(directory, layout.name)));
  RETURN_IF_ERROR(file->Allocate(layout.bytes));
  return Fill(file.get(), layout, read, manifest);
}

}  // namespace perdure
