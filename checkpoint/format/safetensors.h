#ifndef PERDURE_CHECKPOINT_FORMAT_SAFETENSORS_H_
#define PERDURE_CHECKPOINT_FORMAT_SAFETENSORS_H_

// safetensors: 8 bytes of header length (little-endian), a JSON header
// {"name": {"dtype", "shape", "data_offsets": [begin, end]}}, then the tensors'
// bytes, row-major, without holes.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

struct SafetensorsTensor {
  std::string name;
  std::string dtype_name;      // as in the file
  std::optional<DType> dtype;  // none: a type Perdure does not read (BOOL, ...)
  std::vector<int64_t> shape;
  uint64_t offset = 0;  // from the begin of the file
  uint64_t bytes = 0;
};

// The tensors of a file by ascending offset. As strict as the format: the
// header within 100 MB and the file, no name twice, sizes that agree with dtype
// and shape, no overlap, no hole, no byte before or after. DataLoss names file
// and tensor; FailedPrecondition for a dtype that the format does not have.
absl::StatusOr<std::vector<SafetensorsTensor>> ReadSafetensorsHeader(
    const File& file);

// A tensor to be stored.
struct TensorShape {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;

  int64_t elements() const;
  uint64_t bytes() const;
};

struct SafetensorsLayout {
  std::string header;             // the file's bytes before the first tensor
  std::vector<uint64_t> offsets;  // of each tensor in the file
  uint64_t file_bytes = 0;
};

// Lays tensors out by descending element size, then name (the order of the
// reference implementation), so every tensor is aligned to its elements. The
// header is padded with spaces to a multiple of 64 bytes. Names are distinct.
SafetensorsLayout LayOutSafetensors(const std::vector<TensorShape>& tensors);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_SAFETENSORS_H_
