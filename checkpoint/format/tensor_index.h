#ifndef PERDURE_CHECKPOINT_FORMAT_TENSOR_INDEX_H_
#define PERDURE_CHECKPOINT_FORMAT_TENSOR_INDEX_H_

// Which tensors a directory holds and where.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

// Elements of a tensor that lie together.
struct StoredPart {
  int64_t begin = 0;
  int64_t elements = 0;
  size_t file = 0;
  uint64_t offset = 0;  // of its first element
};

// A whole tensor: contiguous and row-major in one file, or in parts.
struct StoredTensor {
  std::string name;
  StateKind kind = StateKind::kWeight;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  size_t file = 0;       // the directory's own numbering
  uint64_t offset = 0;   // of element 0, bytes
  std::string alias_of;  // stored as this tensor of the same kind; or ""
  // Where it is if not in one place, ascending, each element in one; `file` and
  // `offset` then mean nothing.
  std::vector<StoredPart> parts;

  int64_t elements() const;
  uint64_t bytes() const;
  // The places of elements [begin, begin + elements), ascending.
  void ForEachPlace(int64_t begin, int64_t elements,
                    absl::FunctionRef<void(const StoredPart&)> visit) const;
};

class TensorIndex {
 public:
  TensorIndex() = default;
  // Names are distinct within a kind; every alias names a tensor that is there.
  explicit TensorIndex(std::vector<StoredTensor> tensors);

  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  // Of the tensors of a kind that are no aliases, sorted.
  std::vector<std::string> Names(StateKind kind) const;
  // Aliases are followed; nullptr if there is none.
  const StoredTensor* Find(StateKind kind, const std::string& name) const;

  // The tensor of every request, in order. Otherwise one error that lists every
  // missing tensor with the nearest names, every wrong shape, and every dtype
  // that cannot be converted: NotFound if a tensor is missing, else
  // FailedPrecondition.
  absl::StatusOr<std::vector<const StoredTensor*>> Resolve(
      const std::vector<StateRequest>& requests, absl::string_view where) const;

 private:
  std::string Missing(const StateRequest& request) const;

  std::vector<StoredTensor> tensors_;
  std::map<std::pair<StateKind, std::string>, size_t> by_name_;
};

std::string ShapeText(const std::vector<int64_t>& shape);  // "[4, 8]"

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_TENSOR_INDEX_H_
