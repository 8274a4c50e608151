#include "checkpoint/convert/tensor_pieces.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"

namespace perdure {
namespace {

// What is read in one go: large enough that the strips of a transposition are
// long, small enough that memory does not matter.
constexpr uint64_t kPanelBytes = 8 * kBlockBytes;

}  // namespace

TensorPieces::TensorPieces(const std::vector<ConvertedTensor>& tensors,
                           ResumableStorage& storage, ConvertProgress progress)
    : tensors_(tensors), storage_(storage), progress_(std::move(progress)) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    by_key_.emplace(Key{tensors[i].kind, tensors[i].name}, i);
    total_ += tensors[i].tensor->bytes();
  }
}

std::vector<StatePiece> TensorPieces::pieces() const {
  std::vector<StatePiece> pieces;
  for (const ConvertedTensor& tensor : tensors_) {
    StatePiece piece;
    piece.tensor = tensor.name;
    piece.kind = tensor.kind;
    piece.dtype = tensor.tensor->dtype();
    piece.shape = tensor.tensor->shape();
    piece.end = tensor.tensor->elements();
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

absl::Status TensorPieces::Finish() {
  if (tensor_ == nullptr) return absl::OkStatus();
  const uint64_t bytes = tensor_->tensor->bytes();
  tensor_ = nullptr;
  return handed_out_ == bytes ? storage_.End(bytes, chain_.value())
                              : absl::OkStatus();
}

absl::Status TensorPieces::Begin(const Key& key) {
  RETURN_IF_ERROR(Finish());
  key_ = key;
  tensor_ = &tensors_[by_key_.at(key)];
  adopted_ =
      storage_.Begin(absl::StrCat(StateKindName(key.first), " ", key.second));
  if (adopted_ != nullptr && adopted_->bytes != tensor_->tensor->bytes()) {
    return absl::InternalError(
        absl::StrCat(key.second, " has another size than before"));
  }
  handed_out_ = 0;
  chain_ = {};
  panel_.clear();
  return absl::OkStatus();
}

absl::Status TensorPieces::Fill(uint64_t offset) {
  const uint64_t size =
      std::min(kPanelBytes, tensor_->tensor->bytes() - offset);
  panel_.resize(size);
  panel_begin_ = offset;
  if (adopted_ != nullptr) {
    return storage_.ReadBack(*adopted_, offset, panel_.data(), size);
  }
  const int64_t element = SizeOf(tensor_->tensor->dtype());
  return Annotate(
      ReadRange(*tensor_->tensor, static_cast<int64_t>(offset) / element,
                static_cast<int64_t>(size) / element, panel_.data()),
      absl::StrCat("for ", StateKindName(key_.first), " ", key_.second));
}

absl::StatusOr<const void*> TensorPieces::Bytes(const StatePiece& piece,
                                                uint64_t offset, size_t size) {
  const Key key{piece.kind, piece.tensor};
  if (tensor_ == nullptr || key != key_) RETURN_IF_ERROR(Begin(key));
  if (offset < panel_begin_ || offset + size > panel_begin_ + panel_.size()) {
    RETURN_IF_ERROR(Fill(offset));
  }
  const char* data = panel_.data() + (offset - panel_begin_);
  if (offset == handed_out_) {
    chain_.Add(data, size);
    handed_out_ += size;
  }
  done_ += size;
  if (progress_) progress_(done_, total_);
  return data;
}

}  // namespace perdure
