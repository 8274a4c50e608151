#include "checkpoint/format/hdf5_skeleton.h"

#include <hdf5.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/hdf5_memory_driver.h"

namespace perdure {
namespace {

// Any HDF5 handle with the function that closes it.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { Close(); }
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
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

herr_t KeepInnermost(unsigned, const H5E_error2_t* error, void* text) {
  *static_cast<std::string*>(text) = error->desc ? error->desc : "";
  return 0;
}

absl::Status Failed(absl::string_view what) {
  std::string innermost;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, KeepInnermost, &innermost);
  return absl::InternalError(
      absl::StrCat("HDF5: cannot ", what, ": ", innermost));
}

// bfloat16 as HDF5 describes floats: sign 15, exponent 7..14, mantissa 0..6.
hid_t MakeBrainFloat() {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  if (type < 0) return type;
  if (H5Tset_fields(type, 15, 7, 8, 0, 7) < 0 || H5Tset_size(type, 2) < 0 ||
      H5Tset_ebias(type, 127) < 0) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

hid_t MakeHalf() {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  if (type < 0) return type;
  if (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 ||
      H5Tset_ebias(type, 15) < 0) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

hid_t MakeType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return H5Tcopy(H5T_IEEE_F32LE);
    case DType::kF64:
      return H5Tcopy(H5T_IEEE_F64LE);
    case DType::kBF16:
      return MakeBrainFloat();
    case DType::kF16:
      return MakeHalf();
    case DType::kI32:
      return H5Tcopy(H5T_STD_I32LE);
    case DType::kI64:
      return H5Tcopy(H5T_STD_I64LE);
    case DType::kU8:
      return H5Tcopy(H5T_STD_U8LE);
  }
  return -1;
}

hid_t MakeFile(hid_t driver, SparseImage* image) {
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  const Handle create(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  // 64 KiB: metadata objects and small tensors stay packed; what is larger
  // starts on a page, for O_DIRECT and mmap.
  if (!access.ok() || !create.ok() ||
      H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18) < 0 ||
      H5Pset_alignment(access.get(), 64 << 10, 4096) < 0 ||
      H5Pset_meta_block_size(access.get(), 32 << 10) < 0 ||
      H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG) < 0 ||
      UseMemoryDriver(access.get(), driver, image) < 0 ||
      H5Pset_obj_track_times(create.get(), 0) < 0) {
    return -1;
  }
  return H5Fcreate("memory", H5F_ACC_TRUNC, create.get(), access.get());
}

absl::Status AddGroup(hid_t file, const std::string& path) {
  const Handle create(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  // Without times equal inputs give equal bytes.
  if (!create.ok() || H5Pset_obj_track_times(create.get(), 0) < 0) {
    return Failed(absl::StrCat("describe group ", path));
  }
  const Handle made(
      H5Gcreate2(file, path.c_str(), H5P_DEFAULT, create.get(), H5P_DEFAULT),
      H5Gclose);
  return made.ok() ? absl::OkStatus() : Failed(absl::StrCat("create ", path));
}

// Says where the bytes are: in `dataset`'s external file, or in this one.
bool SetPlace(hid_t create, const Hdf5Dataset& dataset) {
  if (dataset.external_file.empty()) {
    // Early and never: space is given at once and no zeros are written to it.
    return H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY) >= 0 &&
           H5Pset_fill_time(create, H5D_FILL_TIME_NEVER) >= 0;
  }
  hsize_t bytes = static_cast<hsize_t>(SizeOf(dataset.dtype));
  for (const int64_t extent : dataset.shape) {
    bytes *= static_cast<hsize_t>(extent);
  }
  return H5Pset_external(create, dataset.external_file.c_str(),
                         static_cast<off_t>(dataset.external_offset),
                         bytes) >= 0;
}

absl::StatusOr<uint64_t> AddDataset(hid_t file, const Hdf5Dataset& dataset) {
  const std::vector<hsize_t> dims(dataset.shape.begin(), dataset.shape.end());
  const Handle space(
      H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
      H5Sclose);
  const Handle type(MakeType(dataset.dtype), H5Tclose);
  const Handle create(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (!space.ok() || !type.ok() || !create.ok() ||
      H5Pset_layout(create.get(), H5D_CONTIGUOUS) < 0 ||
      !SetPlace(create.get(), dataset) ||
      H5Pset_obj_track_times(create.get(), 0) < 0) {
    return Failed(absl::StrCat("describe dataset ", dataset.path));
  }
  const Handle made(
      H5Dcreate2(file, dataset.path.c_str(), type.get(), space.get(),
                 H5P_DEFAULT, create.get(), H5P_DEFAULT),
      H5Dclose);
  if (!made.ok()) return Failed(absl::StrCat("create ", dataset.path));
  if (!dataset.external_file.empty()) return 0;
  const haddr_t offset = H5Dget_offset(made.get());
  if (offset == HADDR_UNDEF) {
    return Failed(absl::StrCat("find the place of ", dataset.path));
  }
  return static_cast<uint64_t>(offset);
}

absl::StatusOr<std::vector<uint64_t>> FillFile(
    hid_t file, const std::vector<Hdf5Dataset>& datasets) {
  std::set<std::string> groups;
  std::vector<uint64_t> offsets;
  for (const Hdf5Dataset& dataset : datasets) {
    for (size_t slash = dataset.path.find('/', 1); slash != std::string::npos;
         slash = dataset.path.find('/', slash + 1)) {
      const std::string group = dataset.path.substr(0, slash);
      if (groups.insert(group).second) RETURN_IF_ERROR(AddGroup(file, group));
    }
    ASSIGN_OR_RETURN(offsets.emplace_back(), AddDataset(file, dataset));
  }
  return offsets;
}

}  // namespace

absl::StatusOr<Hdf5Skeleton> BuildHdf5Skeleton(
    const std::vector<Hdf5Dataset>& datasets) {
  const QuietErrors quiet;
  const Handle driver(RegisterMemoryDriver(), H5FDunregister);
  if (!driver.ok()) return Failed("register a file driver");
  Hdf5Skeleton skeleton;
  Handle file(MakeFile(driver.get(), &skeleton.image), H5Fclose);
  if (!file.ok()) return Failed("create a file in memory");
  ASSIGN_OR_RETURN(skeleton.offsets, FillFile(file.get(), datasets));
  if (!file.Close()) return Failed("close the file in memory");
  return skeleton;
}

}  // namespace perdure
