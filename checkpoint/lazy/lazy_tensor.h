#ifndef PERDURE_CHECKPOINT_LAZY_LAZY_TENSOR_H_
#define PERDURE_CHECKPOINT_LAZY_LAZY_TENSOR_H_

// A tensor that is read when it is asked for: a part of a file, or other lazy
// tensors cut, joined, transposed, cast. A conversion is a tree of them; its
// memory is what one Read asks for, times the depth of the tree.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "runtime/base/status.h"
#include "runtime/nn/param_spec.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

class LazyTensor {
 public:
  LazyTensor(DType dtype, std::vector<int64_t> shape)
      : dtype_(dtype), shape_(std::move(shape)) {}
  virtual ~LazyTensor() = default;

  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t elements() const;
  uint64_t bytes() const;

  // Copies each run of elements (row-major, `global_offset` in this tensor) to
  // `base`, `local_offset` elements from it, in this tensor's dtype. Runs are
  // within the tensor. Errors name file, tensor and byte range. On failure the
  // target is partly written.
  virtual absl::Status Read(const std::vector<ShardRun>& runs,
                            char* base) const = 0;

 private:
  const DType dtype_;
  const std::vector<int64_t> shape_;
};

// Shared: the parts of one fused tensor all read from it.
using LazyRef = std::shared_ptr<const LazyTensor>;

int64_t ElementsOf(const std::vector<int64_t>& shape);

// Reads elements [begin, begin + count) to `target`.
absl::Status ReadRange(const LazyTensor& tensor, int64_t begin, int64_t count,
                       void* target);

// Calls visit(runs, elements) with parts of the runs of at most 4 Mi elements
// in all, so that what is read to be worked on stays small.
absl::Status ForEachBatch(
    const std::vector<ShardRun>& runs,
    absl::FunctionRef<absl::Status(const std::vector<ShardRun>& batch,
                                   int64_t elements)>
        visit);
// Runs of the same elements, side by side from local offset 0 on.
std::vector<ShardRun> SideBySide(const std::vector<ShardRun>& runs);

// --- views ---

// The same elements in row-major order under another shape of equal size.
LazyRef Reshape(LazyRef tensor, std::vector<int64_t> shape);

// A matrix [R, C] as [C, R].
LazyRef Transpose(LazyRef matrix);

// F32, BF16 and F16 into one another; rounds to nearest even.
LazyRef Cast(LazyRef tensor, DType dtype);

LazyRef Zeros(DType dtype, std::vector<int64_t> shape);

// What a tensor consists of along one dim: `length` rows of `part` from row
// `begin` on; zeros where part is kZeros.
struct Segment {
  static constexpr int kZeros = -1;
  int part = 0;
  int64_t begin = 0;
  int64_t length = 0;
};
// Slices, joins, weaves and pads along `dim`. The parts agree in dtype and in
// all other dims; segments are within their parts.
LazyRef Join(std::vector<LazyRef> parts, int dim,
             std::vector<Segment> segments);
LazyRef Slice(LazyRef tensor, int dim, int64_t begin, int64_t length);
// Parts one after the other.
LazyRef Concatenate(const std::vector<LazyRef>& parts, int dim);

// Copies of one tensor, equal bit for bit: reading compares them, and DataLoss
// names `names` of the two, the first differing element and both values. The
// first one's bits are given.
LazyRef Equal(std::vector<LazyRef> copies, std::vector<std::string> names);

// The mean of copies that have drifted apart, taken in fp64.
class MeanTensor : public LazyTensor {
 public:
  explicit MeanTensor(std::vector<LazyRef> copies);
  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override;
  // Largest distance of a copy from the mean, of what was read so far.
  double max_difference() const { return max_difference_; }

 private:
  absl::Status ReadBatch(const std::vector<ShardRun>& runs, int64_t elements,
                         char* base) const;

  const std::vector<LazyRef> copies_;
  mutable double max_difference_ = 0;  // a measurement, not part of the value
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_LAZY_LAZY_TENSOR_H_
