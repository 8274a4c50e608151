#include "checkpoint/format/safetensors.h"

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class SafetensorsTest : public testing::Test {
 protected:
  absl::StatusOr<std::vector<SafetensorsTensor>> ReadBytes(
      const std::string& bytes) {
    const std::string path = JoinPath(scratch_.path(), "x.safetensors");
    EXPECT_TRUE(WriteFileAtomically(path, bytes).ok());
    auto file = File::Open(path, File::Mode::kRead);
    EXPECT_TRUE(file.ok()) << file.status();
    return ReadSafetensorsHeader(*file);
  }

  static std::string WithLength(uint64_t length, const std::string& rest) {
    std::string bytes(sizeof(length), '\0');
    std::memcpy(bytes.data(), &length, sizeof(length));
    return bytes + rest;
  }

  // A file of this header and `data` bytes.
  absl::StatusOr<std::vector<SafetensorsTensor>> Read(const std::string& header,
                                                      size_t data) {
    return ReadBytes(
        WithLength(header.size(), header + std::string(data, '\7')));
  }

  void ExpectDamaged(const std::string& header, size_t data,
                     const std::string& why) {
    const absl::Status status = Read(header, data).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << header;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why)) << header;
    EXPECT_THAT(std::string(status.message()), HasSubstr("x.safetensors"));
  }

  const ScratchDirectory scratch_;
};

TEST_F(SafetensorsTest, ALaidOutFileReadsBack) {
  const std::vector<TensorShape> tensors = {
      {"b", DType::kBF16, {3, 5}},
      {"c", DType::kF32, {7}},
      {"a \"quoted\" \xc3\xa9", DType::kF32, {2, 2}},
      {"d", DType::kU8, {3}},
      {"e", DType::kF64, {}}};
  const SafetensorsLayout layout = LayOutSafetensors(tensors);
  EXPECT_EQ(layout.header.size() % 64, 0u);
  std::string bytes = layout.header;
  bytes.resize(layout.file_bytes);
  const auto found = ReadBytes(bytes);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), tensors.size());
  for (const SafetensorsTensor& tensor : *found) {
    size_t i = 0;
    while (tensors[i].name != tensor.name) ++i;
    EXPECT_EQ(tensor.dtype, tensors[i].dtype);
    EXPECT_EQ(tensor.shape, tensors[i].shape);
    EXPECT_EQ(tensor.offset, layout.offsets[i]);
    EXPECT_EQ(tensor.bytes, tensors[i].bytes());
    EXPECT_EQ(tensor.offset % SizeOf(*tensor.dtype), 0u);
  }
}

TEST_F(SafetensorsTest, LayoutDoesNotDependOnTheOrderGiven) {
  const TensorShape a{"a", DType::kF32, {4}};
  const TensorShape b{"b", DType::kBF16, {4}};
  const TensorShape c{"c", DType::kF32, {1}};
  EXPECT_EQ(LayOutSafetensors({a, b, c}).header,
            LayOutSafetensors({c, b, a}).header);
}

TEST_F(SafetensorsTest, TheHeaderNamesItsFramework) {
  const std::string header =
      LayOutSafetensors({{"a", DType::kF32, {1}}}).header;
  const auto json = nlohmann::json::parse(header.substr(8));
  EXPECT_EQ(json["__metadata__"]["format"], "pt");
  EXPECT_EQ(json["a"]["data_offsets"], nlohmann::json({0, 4}));
}

TEST_F(SafetensorsTest, AFileWithoutTensorsIsFine) {
  const auto found = Read("{}", 0);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(found->empty());
}

TEST_F(SafetensorsTest, EmptyTensorsAreFine) {
  const auto found =
      Read(R"({"a":{"dtype":"F32","shape":[0,4],"data_offsets":[4,4]},)"
           R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           4);
  EXPECT_TRUE(found.ok()) << found.status();
}

TEST_F(SafetensorsTest, AnUnreadableDtypeIsReportedWithItsTensor) {
  const auto found =
      Read(R"({"mask":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})", 3);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE((*found)[0].dtype.has_value());
  EXPECT_EQ((*found)[0].dtype_name, "BOOL");
}

TEST_F(SafetensorsTest, AnUnknownDtypeIsRefused) {
  const absl::Status status =
      Read(R"({"w":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", 4)
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"w\""));
  EXPECT_THAT(std::string(status.message()), HasSubstr("F99"));
}

TEST_F(SafetensorsTest, WhatIsNoJsonObjectIsRefused) {
  ExpectDamaged("{\"a\":", 0, "not a JSON object");
  ExpectDamaged("{} {}", 0, "not a JSON object");
  ExpectDamaged("[]", 0, "does not start with '{'");
  ExpectDamaged(" {}", 0, "does not start with '{'");
  ExpectDamaged("", 0, "does not start with '{'");
  ExpectDamaged("{\"\xff\xfe\":1}", 0, "not a JSON object");
  ExpectDamaged(std::string(100000, '{'), 0, "not a JSON object");
  ExpectDamaged("{\"a\":" + std::string(100000, '['), 0, "not a JSON object");
}

TEST_F(SafetensorsTest, FieldsOfTheWrongTypeAreRefused) {
  for (const char* entry :
       {"1", "null", "[]", "{}",
        R"({"dtype":1,"shape":[],"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":4,"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":[1]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[0]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[0,-4]})"}) {
    ExpectDamaged(std::string("{\"w\":") + entry + "}", 4, "\"w\"");
  }
}

TEST_F(SafetensorsTest, OffsetsOutsideOfTheFileAreRefused) {
  ExpectDamaged(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4,
                "outside");
  ExpectDamaged(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}})", 8,
                "outside");
  ExpectDamaged(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":)"
                R"([18446744073709551615,18446744073709551615]}})",
                8, "outside");
}

TEST_F(SafetensorsTest, ShapesThatOverflowAreRefused) {
  // 2^32 * 2^32 elements wrap to 0, which would fit [0, 0].
  ExpectDamaged(R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],)"
                R"("data_offsets":[0,0]}})",
                0, "does not fill");
  ExpectDamaged(R"({"w":{"dtype":"F32","shape":[18446744073709551615],)"
                R"("data_offsets":[0,0]}})",
                0, "does not fill");
}

TEST_F(SafetensorsTest, SizesThatDisagreeAreRefused) {
  ExpectDamaged(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
                "does not fill");
}

TEST_F(SafetensorsTest, OverlapsHolesAndExtraBytesAreRefused) {
  const std::string a =
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  ExpectDamaged(a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                6, "overlap");
  ExpectDamaged(a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})",
                9, "hole");
  ExpectDamaged(a + "}", 5, "the tensors end at byte 4");
}

TEST_F(SafetensorsTest, ANameListedTwiceIsRefused) {
  const std::string entry =
      R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  ExpectDamaged("{\"a\":" + entry + ",\"a\":" + entry + "}", 4, "twice");
}

TEST_F(SafetensorsTest, LengthsBeyondTheFileAreRefused) {
  for (const uint64_t length :
       {uint64_t{3}, uint64_t{100'000'001}, UINT64_MAX, UINT64_MAX - 7}) {
    EXPECT_EQ(ReadBytes(WithLength(length, "{}")).status().code(),
              absl::StatusCode::kDataLoss)
        << length;
  }
}

TEST_F(SafetensorsTest, AFileCutAnywhereIsRefused) {
  SafetensorsLayout layout =
      LayOutSafetensors({{"a", DType::kF32, {9}}, {"b", DType::kBF16, {9}}});
  layout.header.resize(layout.file_bytes);
  for (size_t size = 0; size < layout.file_bytes; ++size) {
    EXPECT_EQ(ReadBytes(layout.header.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
}

}  // namespace
}  // namespace perdure
