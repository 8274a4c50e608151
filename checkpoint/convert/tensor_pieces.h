#ifndef PERDURE_CHECKPOINT_CONVERT_TENSOR_PIECES_H_
#define PERDURE_CHECKPOINT_CONVERT_TENSOR_PIECES_H_

// Converted tensors, handed out a block at a time to whoever writes them.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/convert/apply_rules.h"
#include "checkpoint/convert/resumable_storage.h"
#include "checkpoint/snapshot/snapshot_writer.h"
#include "runtime/base/status.h"

namespace perdure {

// Of what is written, in bytes.
using ConvertProgress = std::function<void(uint64_t done, uint64_t total)>;

class TensorPieces : public PieceReader {
 public:
  TensorPieces(const std::vector<ConvertedTensor>& tensors,
               ResumableStorage& storage, ConvertProgress progress);

  // One piece for each tensor, all of it.
  std::vector<StatePiece> pieces() const;
  uint64_t total_bytes() const { return total_; }

  // Blocks of a piece are asked for in order, piece after piece.
  absl::StatusOr<const void*> Bytes(const StatePiece& piece, uint64_t offset,
                                    size_t size) override;
  // After the last block.
  absl::Status Finish();

 private:
  using Key = std::pair<StateKind, std::string>;
  absl::Status Begin(const Key& key);
  absl::Status Fill(uint64_t offset);

  const std::vector<ConvertedTensor>& tensors_;
  ResumableStorage& storage_;
  const ConvertProgress progress_;
  std::map<Key, size_t> by_key_;
  uint64_t total_ = 0;
  uint64_t done_ = 0;
  // The tensor at work.
  Key key_;
  const ConvertedTensor* tensor_ = nullptr;
  const DoneTensor* adopted_ = nullptr;
  uint64_t handed_out_ = 0;
  ChecksumChain chain_;
  std::vector<char> panel_;  // some blocks of it, read in one go
  uint64_t panel_begin_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_TENSOR_PIECES_H_
