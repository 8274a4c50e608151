#include "parallel/engine/state_pieces.h"

#include <cstring>

namespace perdure {
namespace {

class PieceSink : public StateSink {
 public:
  explicit PieceSink(SavedPieces* saved) : saved_(saved) {}
  absl::Status Take(size_t range, uint64_t offset, const void* data,
                    uint64_t bytes) override {
    std::memcpy(saved_->buffers[range].data() + offset, data, bytes);
    return absl::OkStatus();
  }

 private:
  SavedPieces* saved_;
};

}  // namespace

absl::StatusOr<SavedPieces> CollectPieces(
    const StateMap& map, int rank,
    absl::FunctionRef<absl::Status(StateSink* sink)> give) {
  SavedPieces saved;
  for (const StateRange& range : map.ranges[static_cast<size_t>(rank)]) {
    const StateTensor& tensor = map.tensors[range.tensor];
    saved.buffers.emplace_back(
        static_cast<size_t>((range.end - range.begin) * SizeOf(tensor.dtype)));
    saved.pieces.push_back({tensor.name, tensor.kind, tensor.dtype,
                            tensor.shape, range.begin, range.end,
                            saved.buffers.back().data()});
  }
  PieceSink sink(&saved);
  RETURN_IF_ERROR(give(&sink));
  return saved;
}

}  // namespace perdure
