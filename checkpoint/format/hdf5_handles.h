#ifndef PERDURE_CHECKPOINT_FORMAT_HDF5_HANDLES_H_
#define PERDURE_CHECKPOINT_FORMAT_HDF5_HANDLES_H_

// Private to this component: includes hdf5.h. What all makers of HDF5 files in
// memory share.

#include <hdf5.h>

#include <set>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "checkpoint/format/sparse_image.h"
#include "runtime/base/status.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

// Any HDF5 handle with the function that closes it.
class Hdf5Handle {
 public:
  Hdf5Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  ~Hdf5Handle() { Close(); }
  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }
  bool Close() {
    const hid_t id = std::exchange(id_, -1);
    return id < 0 || close_(id) >= 0;
  }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// Silences the library's own printing of errors while it lives.
class QuietHdf5Errors {
 public:
  QuietHdf5Errors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietHdf5Errors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

// Internal, with the library's innermost reason.
absl::Status Hdf5Failed(absl::string_view what);

// The type of stored elements, to be closed with H5Tclose; < 0 on failure.
hid_t MakeHdf5Type(DType dtype);

// A file that exists in `image` only. `versions`: the format of its objects.
// < 0 on failure.
hid_t MakeHdf5File(hid_t driver, H5F_libver_t versions, SparseImage* image);

// Makes the groups of a dataset's path that `made` does not have yet.
absl::Status MakeHdf5Groups(hid_t file, const std::string& path,
                            std::set<std::string>* made);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_HDF5_HANDLES_H_
