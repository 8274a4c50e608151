#include "checkpoint/lazy/lazy_tensor.h"

namespace perdure {
namespace {

class CastTensor : public LazyTensor {
 public:
  CastTensor(LazyRef tensor, DType dtype)
      : LazyTensor(dtype, tensor->shape()), tensor_(std::move(tensor)) {}

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    const int64_t size = SizeOf(tensor_->dtype());
    std::vector<char> stored;
    return ForEachBatch(
        runs, [&](const std::vector<ShardRun>& batch, int64_t elements) {
          stored.resize(elements * size);
          const std::vector<ShardRun> moved = SideBySide(batch);
          RETURN_IF_ERROR(tensor_->Read(moved, stored.data()));
          for (size_t i = 0; i < batch.size(); ++i) {
            ConvertElements(
                tensor_->dtype(), stored.data() + moved[i].local_offset * size,
                dtype(), base + batch[i].local_offset * SizeOf(dtype()),
                batch[i].length);
          }
          return absl::OkStatus();
        });
  }

 private:
  const LazyRef tensor_;
};

}  // namespace

LazyRef Cast(LazyRef tensor, DType dtype) {
  if (tensor->dtype() == dtype) return tensor;
  return std::make_shared<CastTensor>(std::move(tensor), dtype);
}

}  // namespace perdure
