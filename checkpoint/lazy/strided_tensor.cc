#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/lazy/file_tensor.h"

namespace perdure {
namespace {

// Rows shorter than this, far apart, would be read almost byte by byte.
constexpr int64_t kShortestRow = 16;

// The last dims lie as in a row-major tensor: `row` elements are one run.
class StridedTensor : public LazyTensor {
 public:
  StridedTensor(LazyRef storage, int64_t offset, std::vector<int64_t> shape,
                std::vector<int64_t> strides, size_t outer_dims)
      : LazyTensor(storage->dtype(), shape),
        storage_(std::move(storage)),
        offset_(offset),
        strides_(std::move(strides)),
        outer_dims_(outer_dims) {
    for (size_t i = outer_dims; i < shape.size(); ++i) row_ *= shape[i];
  }

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    std::vector<ShardRun> rows;
    for (const ShardRun& run : runs) {
      for (int64_t done = 0; done < run.length;) {
        const int64_t at = run.global_offset + done;
        const int64_t length = std::min(row_ - at % row_, run.length - done);
        rows.push_back({RowOffset(at / row_) + at % row_,
                        run.local_offset + done, length});
        done += length;
      }
    }
    return storage_->Read(rows, base);
  }

 private:
  int64_t RowOffset(int64_t row) const {
    int64_t offset = offset_;
    for (size_t i = outer_dims_; i-- > 0;) {
      offset += row % shape()[i] * strides_[i];
      row /= shape()[i];
    }
    return offset;
  }

  const LazyRef storage_;
  const int64_t offset_;
  const std::vector<int64_t> strides_;
  const size_t outer_dims_;
  int64_t row_ = 1;
};

// How many dims come before those that lie as in a row-major tensor.
size_t OuterDims(const std::vector<int64_t>& shape,
                 const std::vector<int64_t>& strides, int64_t* row) {
  *row = 1;
  size_t dim = shape.size();
  while (dim > 0 && (shape[dim - 1] == 1 || strides[dim - 1] == *row)) {
    --dim;
    *row *= shape[dim];
  }
  return dim;
}

}  // namespace

absl::StatusOr<LazyRef> MakeStridedTensor(LazyRef storage, int64_t offset,
                                          const std::vector<int64_t>& shape,
                                          const std::vector<int64_t>& strides) {
  int64_t row = 1;
  const size_t outer = OuterDims(shape, strides, &row);
  if (ElementsOf(shape) == 0 || outer == 0 || row >= kShortestRow ||
      ElementsOf(shape) <= kShortestRow * kShortestRow) {
    return LazyRef(std::make_shared<StridedTensor>(std::move(storage), offset,
                                                   shape, strides, outer));
  }
  if (shape.size() == 2 && strides[0] == 1 && strides[1] >= shape[0]) {
    return Transpose(std::make_shared<StridedTensor>(
        std::move(storage), offset, std::vector<int64_t>{shape[1], shape[0]},
        std::vector<int64_t>{strides[1], 1}, 1));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("is a view of shape [", absl::StrJoin(shape, ", "),
                   "] with strides [", absl::StrJoin(strides, ", "),
                   "], whose elements lie apart; save it with .contiguous()"));
}

}  // namespace perdure
