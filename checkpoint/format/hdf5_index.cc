#include "checkpoint/format/hdf5_index.h"

#include <hdf5.h>

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/hdf5_handles.h"
#include "checkpoint/format/hdf5_memory_driver.h"

namespace perdure {
namespace {

bool IsFloat(DType dtype) {
  return dtype != DType::kI32 && dtype != DType::kI64 && dtype != DType::kU8;
}

// A scalar is shown as one element: a box needs a dim.
std::vector<hsize_t> DimsOf(const std::vector<int64_t>& shape) {
  if (shape.empty()) return {1};
  return {shape.begin(), shape.end()};
}

// The largest box that begins at flat element `begin` and ends at `end` or
// before.
ArrayBox BoxAt(const std::vector<int64_t>& dims, int64_t begin, int64_t end) {
  // The dim to cut: the first whose whole rows fit and which `begin` is aligned
  // to.
  int64_t row = 1;
  size_t dim = dims.size();
  while (dim > 0) {
    const int64_t longer = row * dims[dim - 1];
    --dim;
    if (dim == 0 || begin % longer != 0 || begin + longer > end) break;
    row = longer;
  }
  ArrayBox box;
  box.start.resize(dims.size());
  box.count.assign(dims.size(), 1);
  int64_t rest = begin;
  for (size_t d = dims.size(); d-- > 0;) {
    box.start[d] = static_cast<uint64_t>(rest % dims[d]);
    rest /= dims[d];
    if (d > dim) box.count[d] = static_cast<uint64_t>(dims[d]);
  }
  const int64_t to_the_end = dims[dim] - static_cast<int64_t>(box.start[dim]);
  box.count[dim] =
      static_cast<uint64_t>(std::min((end - begin) / row, to_the_end));
  return box;
}

uint64_t ElementsOf(const ArrayBox& box) {
  uint64_t elements = 1;
  for (const uint64_t count : box.count) elements *= count;
  return elements;
}

bool Select(hid_t space, const std::vector<hsize_t>& start,
            const std::vector<hsize_t>& count) {
  return H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr,
                             count.data(), nullptr) >= 0;
}

// Says where the elements of a part are.
bool MapPart(hid_t create, hid_t space, const std::vector<int64_t>& dims,
             const Hdf5Part& part) {
  const auto whole = static_cast<hsize_t>(part.source_elements);
  const Hdf5Handle source(H5Screate_simple(1, &whole, nullptr), H5Sclose);
  if (!source.ok()) return false;
  auto at = static_cast<hsize_t>(part.source_begin);
  for (const ArrayBox& box :
       BoxesOfRange(dims, part.begin, part.begin + part.elements)) {
    const hsize_t elements = ElementsOf(box);
    if (!Select(source.get(), {at}, {elements}) ||
        !Select(space, {box.start.begin(), box.start.end()},
                {box.count.begin(), box.count.end()}) ||
        H5Pset_virtual(create, space, part.file.c_str(), part.dataset.c_str(),
                       source.get()) < 0) {
      return false;
    }
    at += elements;
  }
  return true;
}

bool SetFill(hid_t create, DType dtype) {
  if (!IsFloat(dtype)) return true;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  return H5Pset_fill_value(create, H5T_NATIVE_FLOAT, &nan) >= 0;
}

absl::Status AddVirtual(hid_t file, const Hdf5VirtualDataset& dataset) {
  const std::vector<hsize_t> dims = DimsOf(dataset.shape);
  const Hdf5Handle space(
      H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
      H5Sclose);
  const Hdf5Handle type(MakeHdf5Type(dataset.dtype), H5Tclose);
  const Hdf5Handle create(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  bool described = space.ok() && type.ok() && create.ok() &&
                   SetFill(create.get(), dataset.dtype) &&
                   H5Pset_obj_track_times(create.get(), 0) >= 0;
  const std::vector<int64_t> extents(dims.begin(), dims.end());
  for (const Hdf5Part& part : dataset.parts) {
    described = described && MapPart(create.get(), space.get(), extents, part);
  }
  if (!described || H5Sselect_all(space.get()) < 0) {
    return Hdf5Failed(absl::StrCat("describe dataset ", dataset.path));
  }
  const Hdf5Handle made(
      H5Dcreate2(file, dataset.path.c_str(), type.get(), space.get(),
                 H5P_DEFAULT, create.get(), H5P_DEFAULT),
      H5Dclose);
  return made.ok() ? absl::OkStatus()
                   : Hdf5Failed(absl::StrCat("create ", dataset.path));
}

}  // namespace

std::vector<ArrayBox> BoxesOfRange(const std::vector<int64_t>& shape,
                                   int64_t begin, int64_t end) {
  std::vector<ArrayBox> boxes;
  while (begin < end) {
    boxes.push_back(BoxAt(shape, begin, end));
    begin += static_cast<int64_t>(ElementsOf(boxes.back()));
  }
  return boxes;
}

absl::StatusOr<SparseImage> BuildHdf5Index(
    const std::vector<Hdf5VirtualDataset>& datasets) {
  const QuietHdf5Errors quiet;
  const Hdf5Handle driver(RegisterMemoryDriver(), H5FDunregister);
  if (!driver.ok()) return Hdf5Failed("register a file driver");
  SparseImage image;
  // Virtual datasets are a matter of HDF5 1.10.
  Hdf5Handle file(MakeHdf5File(driver.get(), H5F_LIBVER_V110, &image),
                  H5Fclose);
  if (!file.ok()) return Hdf5Failed("create a file in memory");
  std::set<std::string> groups;
  for (const Hdf5VirtualDataset& dataset : datasets) {
    RETURN_IF_ERROR(MakeHdf5Groups(file.get(), dataset.path, &groups));
    RETURN_IF_ERROR(AddVirtual(file.get(), dataset));
  }
  if (!file.Close()) return Hdf5Failed("close the file in memory");
  return image;
}

}  // namespace perdure
