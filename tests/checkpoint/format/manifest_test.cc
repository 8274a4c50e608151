#include "checkpoint/format/manifest.h"

#include <functional>

#include "checkpoint/format/checksum.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using testing::HasSubstr;

// One file of 100 bytes: a header of 20, a tensor of 20 floats in two extents,
// one of them of two runs between which the other lies.
SnapshotManifest Sound() {
  SnapshotManifest manifest;
  manifest.set_version(kManifestVersion);
  ManifestFile* file = manifest.add_files();
  file->set_name("model.safetensors");
  file->set_bytes(100);
  ManifestTensor* tensor = manifest.add_tensors();
  tensor->set_name("w");
  tensor->set_kind("weight");
  tensor->set_dtype("F32");
  tensor->add_shape(4);
  tensor->add_shape(5);
  tensor->set_file(0);
  tensor->set_offset(20);
  ManifestExtent* header = manifest.add_extents();
  header->set_offset(0);
  header->set_length(20);
  header->set_file(0);
  header->add_checksums(1);
  ManifestExtent* outer = manifest.add_extents();
  outer->set_file(0);
  outer->set_tensor(0);
  outer->set_begin(0);
  outer->set_offset(20);
  outer->set_length(20);
  outer->set_count(2);
  outer->set_stride(60);
  outer->add_checksums(2);
  outer->add_checksums(3);
  ManifestExtent* inner = manifest.add_extents();
  inner->set_file(0);
  inner->set_tensor(0);
  inner->set_begin(5);
  inner->set_offset(40);
  inner->set_length(40);
  inner->add_checksums(4);
  return manifest;
}

void ExpectUnsound(const std::function<void(SnapshotManifest&)>& change) {
  SnapshotManifest manifest = Sound();
  change(manifest);
  EXPECT_EQ(CheckManifest(manifest).code(), absl::StatusCode::kDataLoss)
      << manifest.DebugString();
}

TEST(ChecksumTest, IsXxh3OfTheReference) {
  // From the XXH3-64 test vectors: the empty input, seed 0.
  EXPECT_EQ(Checksum("", 0), 0x2D06800538D394C2u);
}

TEST(ManifestTest, EncodesAndDecodes) {
  const SnapshotManifest manifest = Sound();
  const auto decoded = DecodeManifest(EncodeManifest(manifest), "M");
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->SerializeAsString(), manifest.SerializeAsString());
}

TEST(ManifestTest, CutAnywhereItIsTorn) {
  const std::string bytes = EncodeManifest(Sound());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeManifest(bytes.substr(0, size), "M").status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
}

TEST(ManifestTest, AnyFlippedBitIsFound) {
  const std::string bytes = EncodeManifest(Sound());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      EXPECT_EQ(DecodeManifest(damaged, "M").status().code(),
                absl::StatusCode::kDataLoss)
          << i;
    }
  }
}

TEST(ManifestTest, BytesBehindTheTrailerAreAnError) {
  EXPECT_EQ(DecodeManifest(EncodeManifest(Sound()) + "x", "M").status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(ManifestTest, AYoungerFormatAsksForANewerProgram) {
  SnapshotManifest manifest = Sound();
  manifest.set_version(kManifestVersion + 1);
  const absl::Status status =
      DecodeManifest(EncodeManifest(manifest), "M").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("newer Perdure"));
}

TEST(ManifestTest, VersionZeroIsRefusedWithTheRemedy) {
  SnapshotManifest manifest = Sound();
  for (const bool written : {true, false}) {
    manifest.clear_version();
    if (written) manifest.set_version(0);
    const absl::Status status =
        DecodeManifest(EncodeManifest(manifest), "M").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("perdure-ckpt export"));
  }
}

TEST(ManifestTest, TheSoundOneIsSound) {
  EXPECT_TRUE(CheckManifest(Sound()).ok()) << CheckManifest(Sound());
}

// Two files of 24 and 36 bytes: structure of 4 and 16, and the tensor's first
// five floats and last five, the latter in front.
SnapshotManifest Scattered() {
  SnapshotManifest manifest;
  manifest.set_version(kManifestVersion);
  ManifestTensor* tensor = manifest.add_tensors();
  tensor->set_name("w");
  tensor->set_kind("weight");
  tensor->set_dtype("F32");
  tensor->add_shape(2);
  tensor->add_shape(5);
  const auto add_file = [&](const char* name, uint64_t structure,
                            uint64_t begin) {
    const auto number = static_cast<uint32_t>(manifest.files_size());
    ManifestFile* file = manifest.add_files();
    file->set_name(name);
    file->set_bytes(structure + 20);
    for (const bool part : {false, true}) {
      ManifestExtent* extent = manifest.add_extents();
      extent->set_file(number);
      extent->set_offset(part ? structure : 0);
      extent->set_length(part ? 20 : structure);
      extent->add_checksums(number);
      if (!part) continue;
      extent->set_tensor(0);
      extent->set_begin(begin);
    }
  };
  add_file("node-00000.h5", 4, 5);
  add_file("node-00001.h5", 16, 0);
  return manifest;
}

TEST(ScatteredTensorTest, ExtentsInAnyFileAreItsElements) {
  EXPECT_TRUE(CheckManifest(Scattered()).ok()) << CheckManifest(Scattered());
}

TEST(ScatteredTensorTest, ElementsTwiceNowhereOrBeyondAreRefused) {
  const auto expect_unsound = [](const auto& change, const char* text) {
    SnapshotManifest manifest = Scattered();
    change(manifest.mutable_extents(1));
    const absl::Status status = CheckManifest(manifest);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  };
  expect_unsound([](ManifestExtent* e) { e->set_begin(4); }, "two extents");
  expect_unsound([](ManifestExtent* e) { e->set_begin(6); }, "no run");
  expect_unsound([](ManifestExtent* e) { e->set_begin(UINT64_MAX / 4 + 1); },
                 "no run");
  expect_unsound([](ManifestExtent* e) { e->clear_tensor(); }, "hold 20 of");
}

TEST(ScatteredTensorTest, APatternOfRunsIsRefused) {
  SnapshotManifest manifest = Scattered();
  ManifestExtent* extent = manifest.mutable_extents(1);
  extent->set_length(8);
  extent->set_count(2);
  extent->set_stride(8);
  extent->add_checksums(0);
  EXPECT_THAT(std::string(CheckManifest(manifest).message()),
              HasSubstr("no run of its elements"));
}

TEST(ManifestTest, FileNamesThatLeaveTheDirectoryAreRefused) {
  for (const char* name : {"", ".", "..", "../x", "/etc/passwd", "a/b"}) {
    ExpectUnsound([&](auto& m) { m.mutable_files(0)->set_name(name); });
  }
}

TEST(ManifestTest, BytesInNoExtentAreRefused) {
  ExpectUnsound([](auto& m) { m.mutable_files(0)->set_bytes(101); });
  ExpectUnsound([](auto& m) { m.mutable_extents()->RemoveLast(); });
  ExpectUnsound([](auto& m) { m.mutable_extents(0)->set_length(19); });
}

TEST(ManifestTest, BytesInTwoExtentsAreRefused) {
  ExpectUnsound([](auto& m) { *m.add_extents() = m.extents(2); });
  ExpectUnsound([](auto& m) { m.mutable_extents(1)->set_stride(59); });
}

TEST(ManifestTest, ExtentsThatAreNotWhereTheirElementsAreAreRefused) {
  ExpectUnsound([](auto& m) { m.mutable_extents(2)->set_begin(6); });
  ExpectUnsound([](auto& m) { m.mutable_tensors(0)->set_offset(24); });
  ExpectUnsound([](auto& m) { m.mutable_extents(2)->set_tensor(1); });
}

TEST(ManifestTest, ATensorWithoutExtentsOfItsOwnIsRefused) {
  // The bytes are there and checked, but could lie across its elements.
  ExpectUnsound([](auto& m) { m.mutable_extents(2)->clear_tensor(); });
}

TEST(ManifestTest, NumbersThatOverflowAreRefused) {
  ExpectUnsound([](auto& m) { m.mutable_extents(1)->set_stride(UINT64_MAX); });
  ExpectUnsound([](auto& m) { m.mutable_extents(1)->set_offset(UINT64_MAX); });
  ExpectUnsound([](auto& m) { m.mutable_extents(1)->set_length(UINT64_MAX); });
  ExpectUnsound([](auto& m) { m.mutable_extents(1)->set_count(UINT64_MAX); });
  ExpectUnsound([](auto& m) { m.mutable_extents(1)->set_begin(UINT64_MAX); });
  ExpectUnsound([](auto& m) { m.mutable_tensors(0)->set_offset(UINT64_MAX); });
  ExpectUnsound([](auto& m) { m.mutable_tensors(0)->set_shape(0, INT64_MAX); });
  ExpectUnsound([](auto& m) { m.mutable_tensors(0)->set_shape(0, -4); });
}

TEST(ManifestTest, MissingChecksumsAreRefused) {
  ExpectUnsound([](auto& m) { m.mutable_extents(2)->clear_checksums(); });
  ExpectUnsound([](auto& m) { m.mutable_extents(2)->add_checksums(5); });
}

TEST(ManifestTest, UnknownFilesDtypesAndDoubledNamesAreRefused) {
  ExpectUnsound([](auto& m) { m.mutable_extents(0)->set_file(1); });
  ExpectUnsound([](auto& m) { m.mutable_tensors(0)->set_file(1); });
  ExpectUnsound([](auto& m) { m.mutable_tensors(0)->set_dtype("F33"); });
  ExpectUnsound([](auto& m) { *m.add_tensors() = m.tensors(0); });
  ExpectUnsound([](auto& m) { *m.add_files() = m.files(0); });
}

}  // namespace
}  // namespace perdure
