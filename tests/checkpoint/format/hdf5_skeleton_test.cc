// The oracle is the HDF5 library itself, reading the finished file.

#include "checkpoint/format/hdf5_skeleton.h"

#include <hdf5.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

// The skeleton with `bytes` at each dataset's offset, as a file.
void WriteWhole(const Hdf5Skeleton& skeleton,
                const std::vector<std::string>& bytes,
                const std::string& path) {
  std::string content(skeleton.image.bytes(), '\0');
  skeleton.image.Read(0, content.data(), content.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_LE(skeleton.offsets[i] + bytes[i].size(), content.size());
    content.replace(skeleton.offsets[i], bytes[i].size(), bytes[i]);
  }
  ASSERT_TRUE(WriteFileAtomically(path, content).ok());
}

std::vector<float> ReadFloats(const std::string& path, const char* name,
                              size_t n) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(file, 0) << path;
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  EXPECT_GE(dataset, 0) << name;
  const hid_t space = H5Dget_space(dataset);
  EXPECT_EQ(H5Sget_simple_extent_npoints(space), static_cast<hssize_t>(n));
  std::vector<float> values(n, -1);
  EXPECT_GE(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                    values.data()),
            0);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(file);
  return values;
}

std::string Bytes(DType dtype, const std::vector<float>& values) {
  std::string bytes(values.size() * SizeOf(dtype), '\0');
  ConvertElements(DType::kF32, values.data(), dtype, bytes.data(),
                  static_cast<int64_t>(values.size()));
  return bytes;
}

TEST(Hdf5SkeletonTest, TheLibraryReadsWhatIsPutAtTheOffsets) {
  const ScratchDirectory scratch;
  const std::string path = JoinPath(scratch.path(), "x.h5");
  const std::vector<Hdf5Dataset> datasets = {
      {"/master/a", DType::kF32, {2, 3}},
      {"/exp_avg/a", DType::kBF16, {2, 3}},
      {"/exp_avg_sq/a", DType::kF16, {6}},
      {"/master/big", DType::kF32, {300, 100}}};
  const auto skeleton = BuildHdf5Skeleton(datasets);
  ASSERT_TRUE(skeleton.ok()) << skeleton.status();
  // Exact in 16 bits, subnormal halves and signs included.
  const std::vector<float> a = {1, -2.5, 0, 0x1p-20f, 448, -0x1p-14f};
  std::vector<float> big(30000);
  for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<float>(i) / 3;
  WriteWhole(*skeleton,
             {Bytes(DType::kF32, a), Bytes(DType::kBF16, a),
              Bytes(DType::kF16, a), Bytes(DType::kF32, big)},
             path);
  EXPECT_EQ(ReadFloats(path, "/master/a", 6), a);
  EXPECT_EQ(ReadFloats(path, "/exp_avg/a", 6), a);
  EXPECT_EQ(ReadFloats(path, "/exp_avg_sq/a", 6), a);
  EXPECT_EQ(ReadFloats(path, "/master/big", 30000), big);
}

TEST(Hdf5SkeletonTest, LargeDatasetsStartOnAPage) {
  const auto skeleton = BuildHdf5Skeleton({{"/a", DType::kF32, {3}},
                                           {"/b", DType::kF32, {20000}},
                                           {"/c", DType::kF32, {5}},
                                           {"/d", DType::kF32, {17000}}});
  ASSERT_TRUE(skeleton.ok()) << skeleton.status();
  EXPECT_EQ(skeleton->offsets[1] % 4096, 0u);
  EXPECT_EQ(skeleton->offsets[3] % 4096, 0u);
}

TEST(Hdf5SkeletonTest, EqualDatasetsGiveEqualBytes) {
  const std::vector<Hdf5Dataset> datasets = {{"/g/a", DType::kF32, {3}},
                                             {"/h/a", DType::kBF16, {4}}};
  std::string bytes[2];
  for (std::string& content : bytes) {
    const auto skeleton = BuildHdf5Skeleton(datasets);
    ASSERT_TRUE(skeleton.ok()) << skeleton.status();
    content.resize(skeleton->image.bytes());
    skeleton->image.Read(0, content.data(), content.size());
  }
  EXPECT_TRUE(bytes[0] == bytes[1]);
}

TEST(Hdf5SkeletonTest, ManyDatasetsTakeLittleBesidesTheirData) {
  std::vector<Hdf5Dataset> datasets;
  for (int i = 0; i < 2000; ++i) {
    datasets.push_back({absl::StrCat("/exp_avg/model.layers.", i, ".weight"),
                        DType::kF32,
                        {1000}});
  }
  const auto skeleton = BuildHdf5Skeleton(datasets);
  ASSERT_TRUE(skeleton.ok()) << skeleton.status();
  EXPECT_LT(skeleton->image.bytes(), 2000u * (4000 + 1000));
}

TEST(Hdf5SkeletonTest, TerabytesTakeNoMemory) {
  const auto skeleton = BuildHdf5Skeleton(
      {{"/a", DType::kF32, {1 << 20, 1 << 20}}, {"/b", DType::kF32, {4}}});
  ASSERT_TRUE(skeleton.ok()) << skeleton.status();
  EXPECT_GT(skeleton->image.bytes(), uint64_t{1} << 42);
}

TEST(Hdf5SkeletonTest, TheSameNameTwiceIsAnErrorWithTheLibrarysReason) {
  const absl::Status status =
      BuildHdf5Skeleton({{"/a", DType::kF32, {3}}, {"/a", DType::kF32, {3}}})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("/a"));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("exists"));
}

}  // namespace
}  // namespace perdure
