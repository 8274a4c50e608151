#include "checkpoint/snapshot/piece_writer.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/snapshot/names.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

class PieceWriter {
 public:
  PieceWriter(Storage& storage, absl::string_view directory,
              const SnapshotPlan& plan, PieceReader& reader)
      : storage_(storage), directory_(directory), plan_(plan), reader_(reader) {
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      const PlannedTensor& planned = plan.tensors[i];
      tensors_.emplace(std::pair(planned.kind, planned.tensor.name), i);
    }
  }

  // Writes the pieces of one tensor; returns the one after them.
  absl::StatusOr<const StatePiece* const*> WriteShare(
      const TensorShare& share, const StatePiece* const* pieces) {
    const size_t tensor =
        tensors_.at({static_cast<StateKind>(share.kind()), share.name()});
    const uint32_t file = plan_.FileOf(tensor);
    RETURN_IF_ERROR(Open(file));
    const uint64_t size = SizeOf(static_cast<DType>(share.dtype()));
    for (const RunPattern& run : share.runs()) {
      ManifestExtent* extent = extents_.add_extents();
      extent->set_file(file);
      extent->set_tensor(static_cast<uint32_t>(tensor));
      extent->set_begin(run.begin());
      extent->set_offset(plan_.offsets[tensor] + run.begin() * size);
      extent->set_length(run.length() * size);
      if (run.count() > 1) {
        extent->set_count(run.count());
        extent->set_stride(run.stride() * size);
      }
      for (int64_t i = 0; i < run.count(); ++i) {
        RETURN_IF_ERROR(WriteRun(
            **pieces++, extent->offset() + i * extent->stride(), extent));
      }
    }
    return pieces;
  }

  absl::StatusOr<RankExtents> Finish() {
    for (const std::unique_ptr<StorageFile>& file : files_) {
      if (file == nullptr) continue;
      RETURN_IF_ERROR(file->Sync());
      RETURN_IF_ERROR(file->Close());
    }
    return std::move(extents_);
  }

 private:
  absl::Status Open(uint32_t file) {
    if (files_[file] != nullptr) return absl::OkStatus();
    const char* name = file == kWeightsFile ? kWeightsName : kOptimizerName;
    ASSIGN_OR_RETURN(files_[file], storage_.Open(JoinPath(directory_, name)));
    return absl::OkStatus();
  }

  absl::Status WriteRun(const StatePiece& piece, uint64_t offset,
                        ManifestExtent* extent) {
    const uint64_t bytes = extent->length();
    for (uint64_t at = 0; at < bytes; at += kBlockBytes) {
      const size_t size = std::min(kBlockBytes, bytes - at);
      ASSIGN_OR_RETURN(const void* data, reader_.Bytes(piece, at, size));
      RETURN_IF_ERROR(
          WriteBlock(*files_[extent->file()], offset + at, data, size, extent));
    }
    return absl::OkStatus();
  }

  Storage& storage_;
  const std::string directory_;
  const SnapshotPlan& plan_;
  PieceReader& reader_;
  std::map<std::pair<StateKind, std::string>, size_t> tensors_;
  std::array<std::unique_ptr<StorageFile>, 2> files_;
  RankExtents extents_;
};

}  // namespace

absl::StatusOr<RankExtents> WritePieces(
    Storage& storage, absl::string_view directory, const SnapshotPlan& plan,
    const RankShares& shares, const PieceOrder& order, PieceReader& reader) {
  PieceWriter writer(storage, directory, plan, reader);
  const StatePiece* const* next = order.data();
  for (const TensorShare& share : shares.tensors()) {
    ASSIGN_OR_RETURN(next, writer.WriteShare(share, next));
  }
  return writer.Finish();
}

absl::Status WriteBlock(StorageFile& file, uint64_t offset, const void* data,
                        size_t size, ManifestExtent* extent) {
  extent->add_checksums(Checksum(data, size));
  return file.WriteAt(offset, data, size);
}

}  // namespace perdure
