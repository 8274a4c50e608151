// A snapshot's data as two strangers see it: one maps the files into memory at
// the places that the manifest tells, the other asks the HDF5 library for
// datasets of model.h5 and optimizer.h5, and knows nothing of manifests.

#include <fcntl.h>
#include <hdf5.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_saver.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/rank_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

// A file in memory, as numpy.memmap has it.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY);
    EXPECT_GE(fd, 0) << path;
    size_ = static_cast<size_t>(::lseek(fd, 0, SEEK_END));
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    ::close(fd);
    EXPECT_NE(data_, MAP_FAILED) << path;
  }
  ~MappedFile() { ::munmap(data_, size_); }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string Bytes(uint64_t offset, uint64_t bytes) const {
    EXPECT_LE(offset + bytes, size_);
    if (offset + bytes > size_) return "";
    return {static_cast<const char*>(data_) + offset, bytes};
  }

 private:
  void* data_;
  size_t size_;
};

// The bytes of a dataset as they are stored, through the library.
std::string DatasetBytes(const std::string& path, const std::string& name) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(file, 0) << path;
  // External files are beside this one, wherever the program runs.
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  EXPECT_GE(H5Pset_efile_prefix(access, "${ORIGIN}"), 0);
  const hid_t dataset = H5Dopen2(file, name.c_str(), access);
  EXPECT_GE(dataset, 0) << name;
  const hid_t type = H5Dget_type(dataset);
  const hid_t space = H5Dget_space(dataset);
  std::string bytes(static_cast<size_t>(H5Sget_simple_extent_npoints(space)) *
                        H5Tget_size(type),
                    '\0');
  EXPECT_GE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
            0)
      << name;
  H5Sclose(space);
  H5Tclose(type);
  H5Dclose(dataset);
  H5Pclose(access);
  H5Fclose(file);
  return bytes;
}

struct Layout {
  const char* name;
  bool per_node;
  DType dtype;
  Cut cut;
};

void PrintTo(const Layout& layout, std::ostream* out) { *out << layout.name; }

class DataFilesTest : public testing::TestWithParam<Layout> {
 protected:
  // Four ranks on two nodes.
  absl::Status Save(const TinyState& state) const {
    return CommonStatus(RunThreadRanks(
        4, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
          SnapshotSaverOptions options;
          options.snapshot = TinyOptions(scratch_.path(), TinyModel());
          options.per_node = GetParam().per_node;
          options.node = absl::StrCat("host", world.rank() / 2);
          ASSIGN_OR_RETURN(const auto saver,
                           SnapshotSaver::Create(world, MakePosixStorage(),
                                                 std::move(options)));
          const RankState mine(state, world.size(), world.rank(),
                               GetParam().cut);
          RETURN_IF_ERROR(
              saver->Begin(TinyRun(1), mine.map(),
                           [&](StateSink* sink) { return mine.Give(sink); }));
          RETURN_IF_ERROR(saver->Finish());
          return saver->TakeReports().at(0).status;
        }));
  }

  // A tensor's bytes out of the mapped files.
  static std::string MappedBytes(
      const SnapshotManifest& manifest, int number,
      const std::vector<std::unique_ptr<MappedFile>>& files) {
    const ManifestTensor& tensor = manifest.tensors(number);
    uint64_t size = SizeOf(*DTypeFromName(tensor.dtype())), bytes = size;
    for (const int64_t extent : tensor.shape()) {
      bytes *= static_cast<uint64_t>(extent);
    }
    if (tensor.has_offset()) {
      return files[tensor.file()]->Bytes(tensor.offset(), bytes);
    }
    std::string whole(bytes, '\0');
    for (const ManifestExtent& extent : manifest.extents()) {
      if (!extent.has_tensor() || static_cast<int>(extent.tensor()) != number) {
        continue;
      }
      whole.replace(
          extent.begin() * size, extent.length(),
          files[extent.file()]->Bytes(extent.offset(), extent.length()));
    }
    return whole;
  }

  const ScratchDirectory scratch_;
};

TEST_P(DataFilesTest, MappedBytesAreThoseThatTheHdf5LibraryReads) {
  const TinyState state(TinyModel(), GetParam().dtype, true);
  const absl::Status saved = Save(state);
  ASSERT_TRUE(saved.ok()) << saved;
  const std::string path = StepPath(scratch_.path(), 1);
  const auto manifest = ReadManifest(path);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  std::vector<std::unique_ptr<MappedFile>> files;
  for (const ManifestFile& file : manifest->files()) {
    files.push_back(std::make_unique<MappedFile>(JoinPath(path, file.name())));
  }
  size_t compared = 0;
  for (int i = 0; i < manifest->tensors_size(); ++i) {
    const ManifestTensor& tensor = manifest->tensors(i);
    if (tensor.has_alias_of()) continue;
    const bool weight = tensor.kind() == StateKindName(StateKind::kWeight);
    EXPECT_EQ(tensor.has_offset(), !GetParam().per_node) << tensor.name();
    const std::string mapped = MappedBytes(*manifest, i, files);
    const std::string read = DatasetBytes(
        JoinPath(path, weight ? kWeightsViewName : kOptimizerName),
        weight ? absl::StrCat("/", tensor.name())
               : absl::StrCat("/", tensor.kind(), "/", tensor.name()));
    EXPECT_TRUE(mapped == read) << tensor.kind() << " " << tensor.name();
    compared += mapped.size();
  }
  size_t saved_bytes = 0;
  for (const auto& entry : state.entries()) saved_bytes += entry.bytes.size();
  EXPECT_EQ(compared, saved_bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Layouts, DataFilesTest,
    testing::Values(
        Layout{"shared_fp32", false, DType::kF32, Cut::kFlat},
        Layout{"shared_bf16_columns", false, DType::kBF16, Cut::kColumns},
        Layout{"per_node_fp32", true, DType::kF32, Cut::kFlat},
        Layout{"per_node_bf16_columns", true, DType::kBF16, Cut::kColumns}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace perdure
