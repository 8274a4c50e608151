#ifndef PERDURE_CHECKPOINT_FORMAT_HDF5_SKELETON_H_
#define PERDURE_CHECKPOINT_FORMAT_HDF5_SKELETON_H_

// An HDF5 file without its data: where each dataset will lie, and all other
// bytes. The bulk goes around the library with pwrite, at the disk's speed and
// from many ranks at once. The library never touches the disk: it writes into
// memory, so a full disk is met by Storage alone.

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/format/sparse_image.h"
#include "runtime/base/status.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

struct Hdf5Dataset {
  std::string path;  // "/exp_avg/model.norm.weight"; groups are made
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // no dim is 0
  // Where the bytes lie if not in the file itself: another file, named relative
  // to the directory of this one (HDF5's external storage).
  std::string external_file = "";
  uint64_t external_offset = 0;
};

struct Hdf5Skeleton {
  // Of each dataset's bytes: contiguous, early; 0 for external ones.
  std::vector<uint64_t> offsets;
  SparseImage image;  // the file, with holes for the data
};

// Contiguous row-major datasets, those of 64 KiB and more aligned to 4096
// bytes. Readable by HDF5 >= 1.8. bf16 is a custom float type, which h5py reads
// as float32. Internal with the library's message on failure.
absl::StatusOr<Hdf5Skeleton> BuildHdf5Skeleton(
    const std::vector<Hdf5Dataset>& datasets);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_HDF5_SKELETON_H_
