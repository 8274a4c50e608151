#include "checkpoint/format/hdf5_skeleton.h"

#include <hdf5.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/hdf5_handles.h"
#include "checkpoint/format/hdf5_memory_driver.h"

namespace perdure {
namespace {

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
  const Hdf5Handle space(
      H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
      H5Sclose);
  const Hdf5Handle type(MakeHdf5Type(dataset.dtype), H5Tclose);
  const Hdf5Handle create(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (!space.ok() || !type.ok() || !create.ok() ||
      H5Pset_layout(create.get(), H5D_CONTIGUOUS) < 0 ||
      !SetPlace(create.get(), dataset) ||
      H5Pset_obj_track_times(create.get(), 0) < 0) {
    return Hdf5Failed(absl::StrCat("describe dataset ", dataset.path));
  }
  const Hdf5Handle made(
      H5Dcreate2(file, dataset.path.c_str(), type.get(), space.get(),
                 H5P_DEFAULT, create.get(), H5P_DEFAULT),
      H5Dclose);
  if (!made.ok()) return Hdf5Failed(absl::StrCat("create ", dataset.path));
  if (!dataset.external_file.empty()) return 0;
  const haddr_t offset = H5Dget_offset(made.get());
  if (offset == HADDR_UNDEF) {
    return Hdf5Failed(absl::StrCat("find the place of ", dataset.path));
  }
  return static_cast<uint64_t>(offset);
}

absl::StatusOr<std::vector<uint64_t>> FillFile(
    hid_t file, const std::vector<Hdf5Dataset>& datasets) {
  std::set<std::string> groups;
  std::vector<uint64_t> offsets;
  for (const Hdf5Dataset& dataset : datasets) {
    RETURN_IF_ERROR(MakeHdf5Groups(file, dataset.path, &groups));
    ASSIGN_OR_RETURN(offsets.emplace_back(), AddDataset(file, dataset));
  }
  return offsets;
}

}  // namespace

absl::StatusOr<Hdf5Skeleton> BuildHdf5Skeleton(
    const std::vector<Hdf5Dataset>& datasets) {
  const QuietHdf5Errors quiet;
  const Hdf5Handle driver(RegisterMemoryDriver(), H5FDunregister);
  if (!driver.ok()) return Hdf5Failed("register a file driver");
  Hdf5Skeleton skeleton;
  Hdf5Handle file(MakeHdf5File(driver.get(), H5F_LIBVER_V18, &skeleton.image),
                  H5Fclose);
  if (!file.ok()) return Hdf5Failed("create a file in memory");
  ASSIGN_OR_RETURN(skeleton.offsets, FillFile(file.get(), datasets));
  if (!file.Close()) return Hdf5Failed("close the file in memory");
  return skeleton;
}

}  // namespace perdure
