#include "runtime/tensor/tensor.h"

#include <cstdio>
#include <cstdlib>

namespace perdure {

Tensor::Tensor(Device& device, DType dtype, int64_t rows, int64_t cols)
    : dtype_(dtype), rows_(rows), cols_(cols) {
  CHECK(rows >= 0 && cols >= 0);
  absl::StatusOr<Buffer> buffer =
      device.Allocate(static_cast<uint64_t>(rows * cols * SizeOf(dtype)));
  if (!buffer.ok()) {
    // Threading a Status through every activation would blur the model's code
    // for a case after which nothing can go on.
    std::fprintf(stderr, "perdure: %s\n",
                 std::string(buffer.status().message()).c_str());
    std::_Exit(ExitCode(buffer.status()));
  }
  buffer_ = *std::move(buffer);
}

}  // namespace perdure
