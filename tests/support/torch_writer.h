#ifndef PERDURE_TESTS_SUPPORT_TORCH_WRITER_H_
#define PERDURE_TESTS_SUPPORT_TORCH_WRITER_H_

#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

// What torch.save({"param": tensor}, path) writes, for an fp32 tensor.
absl::Status WriteTorchParam(const std::string& path,
                             const std::vector<int64_t>& shape,
                             const std::vector<float>& values);

// What torch.save(value, path) writes for an int below 65536.
absl::Status WriteTorchInt(const std::string& path, int value);

}  // namespace perdure

#endif  // PERDURE_TESTS_SUPPORT_TORCH_WRITER_H_
