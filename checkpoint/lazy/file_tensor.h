#ifndef PERDURE_CHECKPOINT_LAZY_FILE_TENSOR_H_
#define PERDURE_CHECKPOINT_LAZY_FILE_TENSOR_H_

// Tensors that lie in files.

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/lazy/lazy_tensor.h"
#include "runtime/base/file.h"

namespace perdure {

// A row-major tensor at `offset` of a file. The file is shared by its tensors.
LazyRef MakeFileTensor(std::shared_ptr<const File> file, uint64_t offset,
                       DType dtype, std::vector<int64_t> shape,
                       std::string name);

// Elements of the flat tensor `storage` (1-D) from `offset` on with a stride,
// in elements, for each dim: a view as PyTorch has it. FailedPrecondition for
// one that would be read element by element: neither rows that are contiguous
// nor a transposed matrix. The view is within the storage.
absl::StatusOr<LazyRef> MakeStridedTensor(LazyRef storage, int64_t offset,
                                          const std::vector<int64_t>& shape,
                                          const std::vector<int64_t>& strides);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_LAZY_FILE_TENSOR_H_
