#include "checkpoint/format/hdf5_handles.h"

#include "absl/strings/str_cat.h"
#include "checkpoint/format/hdf5_memory_driver.h"

namespace perdure {
namespace {

herr_t KeepInnermost(unsigned, const H5E_error2_t* error, void* text) {
  *static_cast<std::string*>(text) = error->desc ? error->desc : "";
  return 0;
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

absl::Status AddGroup(hid_t file, const std::string& path) {
  const Hdf5Handle create(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  // Without times equal inputs give equal bytes.
  if (!create.ok() || H5Pset_obj_track_times(create.get(), 0) < 0) {
    return Hdf5Failed(absl::StrCat("describe group ", path));
  }
  const Hdf5Handle made(
      H5Gcreate2(file, path.c_str(), H5P_DEFAULT, create.get(), H5P_DEFAULT),
      H5Gclose);
  return made.ok() ? absl::OkStatus()
                   : Hdf5Failed(absl::StrCat("create ", path));
}

}  // namespace

absl::Status Hdf5Failed(absl::string_view what) {
  std::string innermost;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, KeepInnermost, &innermost);
  return absl::InternalError(
      absl::StrCat("HDF5: cannot ", what, ": ", innermost));
}

hid_t MakeHdf5Type(DType dtype) {
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

hid_t MakeHdf5File(hid_t driver, H5F_libver_t versions, SparseImage* image) {
  const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  const Hdf5Handle create(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  // 64 KiB: metadata objects and small tensors stay packed; what is larger
  // starts on a page, for O_DIRECT and mmap.
  if (!access.ok() || !create.ok() ||
      H5Pset_libver_bounds(access.get(), versions, versions) < 0 ||
      H5Pset_alignment(access.get(), 64 << 10, 4096) < 0 ||
      H5Pset_meta_block_size(access.get(), 32 << 10) < 0 ||
      H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG) < 0 ||
      UseMemoryDriver(access.get(), driver, image) < 0 ||
      H5Pset_obj_track_times(create.get(), 0) < 0) {
    return -1;
  }
  return H5Fcreate("memory", H5F_ACC_TRUNC, create.get(), access.get());
}

absl::Status MakeHdf5Groups(hid_t file, const std::string& path,
                            std::set<std::string>* made) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string group = path.substr(0, slash);
    if (made->insert(group).second) RETURN_IF_ERROR(AddGroup(file, group));
  }
  return absl::OkStatus();
}

}  // namespace perdure
