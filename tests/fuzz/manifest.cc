#include "checkpoint/format/manifest.h"

#include "glog/logging.h"
#include "google/protobuf/stubs/logging.h"
#include "tests/fuzz/targets.h"

namespace perdure {
namespace {

// What every reader of a manifest goes by.
void CheckSense(const SnapshotManifest& manifest) {
  for (const ManifestExtent& extent : manifest.extents()) {
    const ManifestFile& file = manifest.files(static_cast<int>(extent.file()));
    int blocks = 0;
    ForEachBlock(extent, [&](uint64_t offset, uint64_t bytes, uint64_t) {
      CHECK_GT(bytes, 0u);
      CHECK_LE(offset, file.bytes());
      CHECK_LE(bytes, file.bytes() - offset);
      ++blocks;
    });
    CHECK_EQ(blocks, extent.checksums_size());
  }
  for (const ManifestTensor& tensor : manifest.tensors()) {
    if (tensor.has_alias_of()) continue;
    const ManifestFile& file = manifest.files(static_cast<int>(tensor.file()));
    CHECK_LE(tensor.offset() + TensorBytes(tensor), file.bytes());
  }
  const RunState run = FromManifest(manifest.run());
  CHECK_EQ(FromManifest(ToManifest(run)).step, run.step);
}

}  // namespace

void FuzzManifest(absl::string_view bytes) {
  const google::protobuf::LogSilencer silencer;
  const auto as_it_is = DecodeManifest(bytes, "fuzz");
  if (as_it_is.ok()) CheckSense(*as_it_is);
  SnapshotManifest message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  const auto decoded = DecodeManifest(EncodeManifest(message), "fuzz");
  if (decoded.ok()) CheckSense(*decoded);
}

}  // namespace perdure
