#ifndef PERDURE_CHECKPOINT_FORMAT_HDF5_INDEX_H_
#define PERDURE_CHECKPOINT_FORMAT_HDF5_INDEX_H_

// An HDF5 file without data of its own: virtual datasets that show whole
// tensors whose elements lie in the datasets of other files.

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/format/sparse_image.h"
#include "runtime/base/status.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

// Elements [begin, begin + elements) (flat, row-major) of a virtual dataset are
// elements [source_begin, ...) of a one-dimensional dataset of another file.
struct Hdf5Part {
  int64_t begin = 0;
  int64_t elements = 0;
  std::string file;     // relative to the directory of the index
  std::string dataset;  // "/F32"
  int64_t source_begin = 0;
  int64_t source_elements = 0;  // of that whole dataset
};

struct Hdf5VirtualDataset {
  std::string path;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // no dim is 0
  std::vector<Hdf5Part> parts;
};

// Elements of floating-point datasets that are in no part, or whose file is
// missing, read as NaN. Readable by HDF5 >= 1.10, which looks for the other
// files in the directory of the index. Internal with the library's message on
// failure.
absl::StatusOr<SparseImage> BuildHdf5Index(
    const std::vector<Hdf5VirtualDataset>& datasets);

// A box of a row-major array: from `start`, `count` in every dim.
struct ArrayBox {
  std::vector<uint64_t> start;
  std::vector<uint64_t> count;
  friend bool operator==(const ArrayBox&, const ArrayBox&) = default;
};

// Flat elements [begin, end) as boxes, in the elements' order: at most two a
// dim and one. A pure function.
std::vector<ArrayBox> BoxesOfRange(const std::vector<int64_t>& shape,
                                   int64_t begin, int64_t end);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_HDF5_INDEX_H_
