#include "checkpoint/lazy/lazy_tensor.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "glog/logging.h"

namespace perdure {
namespace {

constexpr int64_t kBatchElements = int64_t{1} << 22;

class ReshapedTensor : public LazyTensor {
 public:
  ReshapedTensor(LazyRef tensor, std::vector<int64_t> shape)
      : LazyTensor(tensor->dtype(), std::move(shape)),
        tensor_(std::move(tensor)) {}
  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    return tensor_->Read(runs, base);
  }

 private:
  const LazyRef tensor_;
};

}  // namespace

int64_t ElementsOf(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1},
                         std::multiplies<>());
}

int64_t LazyTensor::elements() const { return ElementsOf(shape_); }

uint64_t LazyTensor::bytes() const {
  return static_cast<uint64_t>(elements() * SizeOf(dtype_));
}

absl::Status ReadRange(const LazyTensor& tensor, int64_t begin, int64_t count,
                       void* target) {
  if (count == 0) return absl::OkStatus();
  return tensor.Read({{begin, 0, count}}, static_cast<char*>(target));
}

absl::Status ForEachBatch(
    const std::vector<ShardRun>& runs,
    absl::FunctionRef<absl::Status(const std::vector<ShardRun>& batch,
                                   int64_t elements)>
        visit) {
  std::vector<ShardRun> batch;
  int64_t elements = 0;
  for (ShardRun run : runs) {
    while (run.length > 0) {
      const int64_t length = std::min(run.length, kBatchElements - elements);
      batch.push_back({run.global_offset, run.local_offset, length});
      run = {run.global_offset + length, run.local_offset + length,
             run.length - length};
      elements += length;
      if (elements < kBatchElements) continue;
      RETURN_IF_ERROR(visit(batch, elements));
      batch.clear();
      elements = 0;
    }
  }
  return batch.empty() ? absl::OkStatus() : visit(batch, elements);
}

std::vector<ShardRun> SideBySide(const std::vector<ShardRun>& runs) {
  std::vector<ShardRun> moved = runs;
  int64_t offset = 0;
  for (ShardRun& run : moved) {
    run.local_offset = offset;
    offset += run.length;
  }
  return moved;
}

LazyRef Reshape(LazyRef tensor, std::vector<int64_t> shape) {
  if (tensor->shape() == shape) return tensor;
  CHECK_EQ(tensor->elements(), ElementsOf(shape));
  return std::make_shared<ReshapedTensor>(std::move(tensor), std::move(shape));
}

}  // namespace perdure
