#ifndef PERDURE_CHECKPOINT_FORMAT_HDF5_MEMORY_DRIVER_H_
#define PERDURE_CHECKPOINT_FORMAT_HDF5_MEMORY_DRIVER_H_

// Private to this component: includes hdf5.h.

#include <hdf5.h>

#include "checkpoint/format/sparse_image.h"

namespace perdure {

// A virtual file driver of HDF5 whose file is a SparseImage. The library's own
// memory driver would hold the data as well: the whole optimizer state.
//
// Registers the driver; to be released with H5FDunregister. < 0 on failure.
hid_t RegisterMemoryDriver();
// Makes the property list `access` open `image`, which outlives the file.
herr_t UseMemoryDriver(hid_t access, hid_t driver, SparseImage* image);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_HDF5_MEMORY_DRIVER_H_
