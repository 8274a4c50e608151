#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/convert/hugging_face_files.h"
#include "checkpoint/convert/paths.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_writer.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"

namespace perdure {
namespace {

// Pieces that are whole tensors of a source, read a block at a time.
class SourcePieces : public PieceReader {
 public:
  explicit SourcePieces(StateSource& source)
      : source_(source), block_(kBlockBytes) {}

  absl::StatusOr<const void*> Bytes(const StatePiece& piece, uint64_t offset,
                                    size_t size) override {
    const int64_t element = SizeOf(piece.dtype);
    StateRequest request{piece.tensor, piece.kind, piece.dtype,
                         piece.shape,  {},         block_.data()};
    request.runs.push_back({static_cast<int64_t>(offset) / element, 0,
                            static_cast<int64_t>(size) / element});
    RETURN_IF_ERROR(source_.Read({std::move(request)}));
    return block_.data();
  }

 private:
  StateSource& source_;
  std::vector<char> block_;
};

std::vector<StatePiece> WholeTensors(const TensorIndex& index) {
  std::vector<StatePiece> pieces;
  for (const StoredTensor& tensor : index.tensors()) {
    if (!tensor.alias_of.empty()) continue;
    pieces.push_back({tensor.name, tensor.kind, tensor.dtype, tensor.shape, 0,
                      tensor.elements(), nullptr});
  }
  return pieces;
}

}  // namespace

absl::Status ImportHuggingFace(absl::string_view hf_dir,
                               absl::string_view snapshot_dir) {
  ASSIGN_OR_RETURN(const std::unique_ptr<HuggingFaceFiles> source,
                   HuggingFaceFiles::Open(hf_dir));
  if (FileExists(snapshot_dir)) {
    return absl::FailedPreconditionError(
        absl::StrCat(snapshot_dir, " exists; import makes a new directory"));
  }
  SnapshotContent content;
  content.model = source->model();
  content.tokenizer_dir = std::string(hf_dir);
  // Settings that are no part of the model (token ids, dtype) stay.
  ASSIGN_OR_RETURN(content.config_json,
                   ReadFile(JoinPath(hf_dir, kConfigName)));
  const NewDirectory target = SplitNewDirectory(snapshot_dir);
  const std::unique_ptr<Storage> storage = MakePosixStorage();
  RETURN_IF_ERROR(storage->CreateDirectories(target.parent));
  const std::unique_ptr<Communicator> alone = MakeLoopbackCommunicator();
  SourcePieces reader(*source);
  return WriteOneSnapshot(*alone, *storage,
                          {target.parent, target.name, target.temporary},
                          content, WholeTensors(source->index()), reader);
}

}  // namespace perdure
