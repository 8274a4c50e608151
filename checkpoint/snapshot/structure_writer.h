#ifndef PERDURE_CHECKPOINT_SNAPSHOT_STRUCTURE_WRITER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_STRUCTURE_WRITER_H_

// The bytes of a snapshot's file that are no tensor's.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "checkpoint/format/manifest.pb.h"
#include "checkpoint/format/storage.h"
#include "runtime/base/status.h"

namespace perdure {

struct FileLayout {
  std::string name;
  uint64_t bytes = 0;
  // Bytes [first, second) that tensors take, in any order.
  std::vector<std::pair<uint64_t, uint64_t>> taken;
};

// Gives bytes [offset, offset + size) of what is no tensor's.
using StructureReader =
    absl::FunctionRef<absl::Status(uint64_t offset, char* data, size_t size)>;

// Fills in and syncs all that is not taken of a file of `directory`, which is
// there at its full size, and adds file and extents to the manifest.
absl::Status FillStructure(Storage& storage, absl::string_view directory,
                           const FileLayout& layout, StructureReader read,
                           SnapshotManifest* manifest);

// Only adds to the manifest what a file that somebody else fills in will have.
absl::Status DescribeStructure(const FileLayout& layout, StructureReader read,
                               SnapshotManifest* manifest);

// FillStructure for a file that is made first.
absl::Status WriteStructure(Storage& storage, absl::string_view directory,
                            const FileLayout& layout, StructureReader read,
                            SnapshotManifest* manifest);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_STRUCTURE_WRITER_H_
