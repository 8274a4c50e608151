#ifndef PERDURE_CHECKPOINT_SNAPSHOT_STRUCTURE_WRITER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_STRUCTURE_WRITER_H_

// The bytes of a snapshot's file that are no tensor's.

#include <cstdint>
#include <string>
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
  // Bytes [first, second) that tensors will take, in any order.
  std::vector<std::pair<uint64_t, uint64_t>> taken;
};

// Creates the file in `directory` at its full size, fills in and syncs all that
// is not taken, and adds file and extents to the manifest. read(offset, data,
// size) gives these bytes.
absl::Status WriteStructure(
    Storage& storage, absl::string_view directory, const FileLayout& layout,
    absl::FunctionRef<absl::Status(uint64_t offset, char* data, size_t size)>
        read,
    SnapshotManifest* manifest);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_STRUCTURE_WRITER_H_
