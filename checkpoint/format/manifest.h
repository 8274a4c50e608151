#ifndef PERDURE_CHECKPOINT_FORMAT_MANIFEST_H_
#define PERDURE_CHECKPOINT_FORMAT_MANIFEST_H_

// MANIFEST.pb: a SnapshotManifest, then a trailer of 24 bytes, little-endian:
// length of the message (8), its XXH3-64 (8), magic "PERDMAN1" (8). The trailer
// comes last, so a torn file is told.

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "checkpoint/format/manifest.pb.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

inline constexpr char kManifestName[] = "MANIFEST.pb";
// The newest that is read. Written is the oldest that can say what is to be
// said: 2 where tensors are in several files, else 1.
inline constexpr uint32_t kManifestVersion = 2;
inline constexpr uint32_t kOneFileVersion = 1;

std::string EncodeManifest(const SnapshotManifest& manifest);

// DataLoss names `path` and what is wrong: torn, damaged, or not consistent.
// FailedPrecondition for version 0 and for the format of a newer Perdure.
absl::StatusOr<SnapshotManifest> DecodeManifest(absl::string_view bytes,
                                                absl::string_view path);
absl::StatusOr<SnapshotManifest> ReadManifest(absl::string_view directory);

// Whether all references are in range, every file is tiled by extents (each
// byte in exactly one), every tensor's extents are exactly its elements, at
// their place if it has one, and there is a checksum for every block. DataLoss
// names the first offender.
absl::Status CheckManifest(const SnapshotManifest& manifest);

// Calls visit(offset, bytes, checksum) for the blocks of an extent in order.
void ForEachBlock(const ManifestExtent& extent,
                  const std::function<void(uint64_t offset, uint64_t bytes,
                                           uint64_t checksum)>& visit);

// Whether the tensor's extents alone say where it is.
bool IsScattered(const ManifestTensor& tensor);

// Of the whole tensor; the shape must be legal.
uint64_t TensorBytes(const ManifestTensor& tensor);

ManifestRun ToManifest(const RunState& run);
RunState FromManifest(const ManifestRun& run);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_MANIFEST_H_
