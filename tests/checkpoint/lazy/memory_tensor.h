#ifndef PERDURE_TESTS_CHECKPOINT_LAZY_MEMORY_TENSOR_H_
#define PERDURE_TESTS_CHECKPOINT_LAZY_MEMORY_TENSOR_H_

// Lazy tensors without files, and what they hold.

#include <cstring>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "checkpoint/lazy/lazy_tensor.h"
#include "gtest/gtest.h"

namespace perdure {

class MemoryTensor : public LazyTensor {
 public:
  MemoryTensor(std::vector<int64_t> shape, std::vector<float> values)
      : LazyTensor(DType::kF32, std::move(shape)), values_(std::move(values)) {}

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    for (const ShardRun& run : runs) {
      EXPECT_GE(run.global_offset, 0);
      EXPECT_LE(run.global_offset + run.length, elements());
      std::memcpy(base + run.local_offset * 4,
                  values_.data() + run.global_offset, run.length * 4);
    }
    return absl::OkStatus();
  }

 private:
  const std::vector<float> values_;
};

inline LazyRef Values(std::vector<int64_t> shape, std::vector<float> values) {
  return std::make_shared<MemoryTensor>(std::move(shape), std::move(values));
}

// first, first + 1, first + 2, ...
inline LazyRef Counting(std::vector<int64_t> shape, float first = 0) {
  std::vector<float> values(static_cast<size_t>(ElementsOf(shape)));
  std::iota(values.begin(), values.end(), first);
  return Values(std::move(shape), std::move(values));
}

inline std::vector<float> ReadAll(const LazyTensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.elements()));
  const absl::Status status =
      ReadRange(tensor, 0, tensor.elements(), values.data());
  EXPECT_TRUE(status.ok()) << status;
  return values;
}

// Any partition into runs gives the elements that reading in one go gives.
inline void ExpectRunsAgree(const LazyTensor& tensor) {
  const std::vector<float> whole = ReadAll(tensor);
  const int64_t n = tensor.elements();
  for (const int64_t step : {int64_t{1}, int64_t{3}, int64_t{7}, n}) {
    if (step == 0) continue;
    std::vector<ShardRun> runs;
    for (int64_t at = 0; at < n; at += step) {
      runs.insert(runs.begin(), {at, at, std::min(step, n - at)});
    }
    std::vector<float> found(whole.size());
    const absl::Status status =
        tensor.Read(runs, reinterpret_cast<char*>(found.data()));
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(found, whole) << step;
  }
}

}  // namespace perdure

#endif  // PERDURE_TESTS_CHECKPOINT_LAZY_MEMORY_TENSOR_H_
