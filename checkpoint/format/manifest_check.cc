#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/manifest.h"
#include "runtime/tensor/dtype.h"

namespace perdure {
namespace {

struct ByteRange {
  uint64_t begin;
  uint64_t end;
};

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat("inconsistent: ", parts...));
}

// Names are joined to the directory's path: they must not lead out of it.
bool PlainName(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == absl::string_view::npos &&
         name.find('\0') == absl::string_view::npos;
}

// Bytes of a tensor whose dtype and shape come from a file; none if illegal.
std::optional<uint64_t> CheckedBytes(const ManifestTensor& tensor) {
  const std::optional<DType> dtype = DTypeFromName(tensor.dtype());
  if (!dtype.has_value()) return std::nullopt;
  int64_t bytes = SizeOf(*dtype);
  for (const int64_t extent : tensor.shape()) {
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes)) {
      return std::nullopt;
    }
  }
  return static_cast<uint64_t>(bytes);
}

absl::Status CheckTensor(const SnapshotManifest& manifest,
                         const ManifestTensor& tensor) {
  const std::optional<uint64_t> bytes = CheckedBytes(tensor);
  if (!bytes.has_value()) {
    return Wrong("tensor ", tensor.name(), ": dtype or shape");
  }
  if (tensor.has_alias_of() || IsScattered(tensor)) return absl::OkStatus();
  if (tensor.file() >= static_cast<uint32_t>(manifest.files_size())) {
    return Wrong("tensor ", tensor.name(), ": file ", tensor.file());
  }
  const uint64_t file_bytes = manifest.files(tensor.file()).bytes();
  if (tensor.offset() > file_bytes || *bytes > file_bytes - tensor.offset()) {
    return Wrong("tensor ", tensor.name(), " lies outside of ",
                 manifest.files(tensor.file()).name());
  }
  return absl::OkStatus();
}

// Of a tensor that lies anywhere: whole elements that it has, in one run.
absl::Status CheckPart(const ManifestExtent& extent,
                       const ManifestTensor& tensor) {
  const uint64_t size = SizeOf(*DTypeFromName(tensor.dtype()));
  const uint64_t bytes = TensorBytes(tensor);
  if (extent.count() != 1 || extent.length() % size != 0 ||
      extent.begin() > bytes / size ||
      extent.length() > bytes - extent.begin() * size) {
    return Wrong("an extent of tensor ", tensor.name(),
                 " is no run of its elements from ", extent.begin(), " on");
  }
  return absl::OkStatus();
}

// An extent's bytes are those of its elements, whole ones.
absl::Status CheckPlace(const ManifestExtent& extent,
                        const ManifestTensor& tensor) {
  const uint64_t size = SizeOf(*DTypeFromName(tensor.dtype()));
  uint64_t begin = 0;
  if (IsScattered(tensor)) return CheckPart(extent, tensor);
  if (extent.file() != tensor.file() || extent.offset() < tensor.offset() ||
      __builtin_mul_overflow(extent.begin(), size, &begin) ||
      extent.offset() - tensor.offset() != begin ||
      extent.length() % size != 0 || extent.stride() % size != 0) {
    return Wrong("an extent of tensor ", tensor.name(), " is at byte ",
                 extent.offset(), ", where its element ", extent.begin(),
                 " is not");
  }
  const uint64_t last_end = extent.offset() +
                            (extent.count() - 1) * extent.stride() +
                            extent.length();
  if (last_end > tensor.offset() + TensorBytes(tensor)) {
    return Wrong("an extent of tensor ", tensor.name(), " leaves the tensor");
  }
  return absl::OkStatus();
}

absl::Status CheckExtent(const SnapshotManifest& manifest,
                         const ManifestExtent& extent) {
  if (extent.file() >= static_cast<uint32_t>(manifest.files_size())) {
    return Wrong("extent in file ", extent.file());
  }
  const ManifestFile& file = manifest.files(extent.file());
  // Every run has a checksum, so the list bounds the count: no overflow below.
  const uint64_t checksums = static_cast<uint64_t>(extent.checksums_size());
  uint64_t reach = 0;
  if (extent.length() == 0 || extent.count() == 0 ||
      extent.count() > checksums ||
      BlocksOf(extent.length()) * extent.count() != checksums ||
      (extent.count() > 1 && extent.stride() < extent.length()) ||
      __builtin_mul_overflow(extent.count() - 1, extent.stride(), &reach) ||
      extent.length() > file.bytes() || extent.offset() > file.bytes() ||
      reach > file.bytes() ||
      extent.offset() + reach + extent.length() > file.bytes()) {
    return Wrong("extent at byte ", extent.offset(), " of ", file.name());
  }
  if (!extent.has_tensor()) return absl::OkStatus();
  if (extent.tensor() >= static_cast<uint32_t>(manifest.tensors_size()) ||
      manifest.tensors(extent.tensor()).has_alias_of()) {
    return Wrong("extent of tensor ", extent.tensor());
  }
  return CheckPlace(extent, manifest.tensors(extent.tensor()));
}

absl::Status CheckTiling(const ManifestFile& file,
                         std::vector<ByteRange> ranges) {
  std::sort(
      ranges.begin(), ranges.end(),
      [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  uint64_t end = 0;
  for (const ByteRange& range : ranges) {
    if (range.begin != end) {
      return Wrong(
          "bytes ", std::min(range.begin, end), " to ",
          std::max(range.begin, end), " of ", file.name(),
          range.begin < end ? " are in two extents" : " are in no extent");
    }
    end = range.end;
  }
  if (end != file.bytes()) {
    return Wrong("bytes ", end, " to ", file.bytes(), " of ", file.name(),
                 " are in no extent");
  }
  return absl::OkStatus();
}

absl::Status CheckNames(const SnapshotManifest& manifest) {
  std::set<std::string> files;
  for (const ManifestFile& file : manifest.files()) {
    if (!PlainName(file.name()) || !files.insert(file.name()).second) {
      return Wrong("file name '", file.name(), "'");
    }
  }
  std::set<std::pair<std::string, std::string>> tensors;
  for (const ManifestTensor& tensor : manifest.tensors()) {
    if (!tensors.emplace(tensor.kind(), tensor.name()).second) {
      return Wrong("tensor ", tensor.name(), " is listed twice");
    }
  }
  return absl::OkStatus();
}

// Whether the ranges, in any order, follow one another from the first byte on.
absl::Status CheckParts(const ManifestTensor& tensor,
                        std::vector<ByteRange> parts) {
  std::sort(
      parts.begin(), parts.end(),
      [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  uint64_t end = 0;
  for (const ByteRange& part : parts) {
    if (part.begin != end) {
      return Wrong(
          "tensor ", tensor.name(), ": bytes ", std::min(part.begin, end),
          " to ", std::max(part.begin, end),
          part.begin < end ? " are in two extents" : " are in no extent");
    }
    end = part.end;
  }
  return absl::OkStatus();
}

}  // namespace

bool IsScattered(const ManifestTensor& tensor) {
  return !tensor.has_alias_of() && !tensor.has_file() && !tensor.has_offset();
}

uint64_t TensorBytes(const ManifestTensor& tensor) {
  return CheckedBytes(tensor).value();
}

void ForEachBlock(
    const ManifestExtent& extent,
    const std::function<void(uint64_t, uint64_t, uint64_t)>& visit) {
  int next = 0;
  for (uint64_t run = 0; run < extent.count(); ++run) {
    const uint64_t begin = extent.offset() + run * extent.stride();
    for (uint64_t at = 0; at < extent.length(); at += kBlockBytes) {
      visit(begin + at, std::min(kBlockBytes, extent.length() - at),
            extent.checksums(next++));
    }
  }
}

absl::Status CheckManifest(const SnapshotManifest& manifest) {
  RETURN_IF_ERROR(CheckNames(manifest));
  for (const ManifestTensor& tensor : manifest.tensors()) {
    RETURN_IF_ERROR(CheckTensor(manifest, tensor));
  }
  std::vector<std::vector<ByteRange>> ranges(manifest.files_size());
  std::vector<uint64_t> covered(manifest.tensors_size());
  std::vector<std::vector<ByteRange>> parts(manifest.tensors_size());
  for (const ManifestExtent& extent : manifest.extents()) {
    RETURN_IF_ERROR(CheckExtent(manifest, extent));
    for (uint64_t run = 0; run < extent.count(); ++run) {
      const uint64_t begin = extent.offset() + run * extent.stride();
      ranges[extent.file()].push_back({begin, begin + extent.length()});
    }
    if (!extent.has_tensor()) continue;
    covered[extent.tensor()] += extent.count() * extent.length();
    const ManifestTensor& tensor =
        manifest.tensors(static_cast<int>(extent.tensor()));
    if (!IsScattered(tensor)) continue;
    const uint64_t begin =
        extent.begin() * SizeOf(*DTypeFromName(tensor.dtype()));
    parts[extent.tensor()].push_back({begin, begin + extent.length()});
  }
  for (int i = 0; i < manifest.files_size(); ++i) {
    RETURN_IF_ERROR(CheckTiling(manifest.files(i), std::move(ranges[i])));
  }
  for (int i = 0; i < manifest.tensors_size(); ++i) {
    RETURN_IF_ERROR(CheckParts(manifest.tensors(i), std::move(parts[i])));
  }
  // No byte is in two extents, so equal sums mean that all are there.
  for (int i = 0; i < manifest.tensors_size(); ++i) {
    const ManifestTensor& tensor = manifest.tensors(i);
    if (!tensor.has_alias_of() && covered[i] != TensorBytes(tensor)) {
      return Wrong("tensor ", tensor.name(), ": extents hold ", covered[i],
                   " of its ", TensorBytes(tensor), " bytes");
    }
  }
  return absl::OkStatus();
}

}  // namespace perdure
