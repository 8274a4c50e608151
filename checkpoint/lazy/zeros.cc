#include <cstring>

#include "checkpoint/lazy/lazy_tensor.h"

namespace perdure {
namespace {

class ZeroTensor : public LazyTensor {
 public:
  using LazyTensor::LazyTensor;

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    for (const ShardRun& run : runs) {
      std::memset(base + run.local_offset * SizeOf(dtype()), 0,
                  static_cast<size_t>(run.length * SizeOf(dtype())));
    }
    return absl::OkStatus();
  }
};

}  // namespace

LazyRef Zeros(DType dtype, std::vector<int64_t> shape) {
  return std::make_shared<ZeroTensor>(dtype, std::move(shape));
}

}  // namespace perdure
