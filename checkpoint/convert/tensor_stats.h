#ifndef PERDURE_CHECKPOINT_CONVERT_TENSOR_STATS_H_
#define PERDURE_CHECKPOINT_CONVERT_TENSOR_STATS_H_

// Numbers about tensors, a block at a time.

#include <cstdint>
#include <functional>

#include "checkpoint/lazy/lazy_tensor.h"
#include "runtime/base/status.h"

namespace perdure {

// F32, BF16, F16.
bool HasStats(DType dtype);

// Of the elements that are numbers; 0 where there are none.
struct TensorStats {
  double mean = 0;
  double std = 0;  // of all of them, not of a sample
  double min = 0;
  double max = 0;
  int64_t nans = 0;
};
// Moments by Chan's update of blocks, in fp64. progress(bytes read).
absl::StatusOr<TensorStats> ComputeStats(
    const LazyTensor& tensor, const std::function<void(uint64_t)>& progress);

// How two tensors of one shape differ.
struct TensorDifference {
  bool same_bits = true;    // and dtype
  int64_t different = 0;    // elements whose values are not equal
  int64_t first = -1;       // flat index of the first that differs at all
  double max_absolute = 0;  // infinite where one is NaN and the other not
  double max_relative = 0;  // |a - b| / max(|a|, |b|)
};
absl::StatusOr<TensorDifference> Compare(
    const LazyTensor& a, const LazyTensor& b,
    const std::function<void(uint64_t)>& progress);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_TENSOR_STATS_H_
