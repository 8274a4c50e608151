#include "checkpoint/format/hdf5_memory_driver.h"

#include <cstdint>
#include <memory>

namespace perdure {
namespace {

// What the library holds for an open file; its own fields come first.
struct OpenImage {
  H5FD_t base;
  SparseImage* image;
  haddr_t end_of_addresses;
};

OpenImage* Get(H5FD_t* file) { return reinterpret_cast<OpenImage*>(file); }
const OpenImage* Get(const H5FD_t* file) {
  return reinterpret_cast<const OpenImage*>(file);
}

H5FD_t* Open(const char*, unsigned, hid_t access, haddr_t) {
  const void* info = H5Pget_driver_info(access);
  if (info == nullptr) return nullptr;
  SparseImage* image = *static_cast<SparseImage* const*>(info);
  auto file = std::make_unique<OpenImage>(OpenImage{{}, image, 0});
  return &file.release()->base;
}

herr_t Close(H5FD_t* file) {
  const std::unique_ptr<OpenImage> owned(Get(file));
  return 0;
}

herr_t Query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
           H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t EndOfAddresses(const H5FD_t* file, H5FD_mem_t) {
  return Get(file)->end_of_addresses;
}

herr_t SetEndOfAddresses(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  Get(file)->end_of_addresses = address;
  return 0;
}

haddr_t EndOfFile(const H5FD_t* file, H5FD_mem_t) {
  return Get(file)->image->bytes();
}

herr_t Read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size,
            void* data) {
  Get(file)->image->Read(address, data, size);
  return 0;
}

herr_t Write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size,
             const void* data) {
  Get(file)->image->Write(address, data, size);
  return 0;
}

herr_t Truncate(H5FD_t* file, hid_t, hbool_t) {
  Get(file)->image->set_bytes(Get(file)->end_of_addresses);
  return 0;
}

}  // namespace

hid_t RegisterMemoryDriver() {
  H5FD_class_t driver = {};
  driver.name = "perdure-memory";
  driver.maxaddr = INT64_MAX;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(SparseImage*);
  driver.open = Open;
  driver.close = Close;
  driver.query = Query;
  driver.get_eoa = EndOfAddresses;
  driver.set_eoa = SetEndOfAddresses;
  driver.get_eof = EndOfFile;
  driver.read = Read;
  driver.write = Write;
  driver.truncate = Truncate;
  // One free list for metadata, one for data, as the library's POSIX driver.
  const H5FD_mem_t lists[] = H5FD_FLMAP_DICHOTOMY;
  for (int i = 0; i < H5FD_MEM_NTYPES; ++i) driver.fl_map[i] = lists[i];
  return H5FDregister(&driver);
}

herr_t UseMemoryDriver(hid_t access, hid_t driver, SparseImage* image) {
  return H5Pset_driver(access, driver, &image);  // copied
}

}  // namespace perdure
