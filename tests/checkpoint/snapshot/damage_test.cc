// No damaged byte is ever used.

#include <algorithm>

#include "checkpoint/snapshot/names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/snapshot/tiny_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class DamageTest : public testing::Test {
 protected:
  DamageTest() : state_(TinyModel(), DType::kF32, true) { Write(1); }

  void Write(int64_t step) {
    const absl::Status written =
        WriteTiny(state_, TinyOptions(scratch_.path()), TinyRun(step), 2);
    EXPECT_TRUE(written.ok()) << written;
  }

  std::string Path(const std::string& file, int64_t step = 1) const {
    return JoinPath(StepPath(scratch_.path(), step), file);
  }

  void Flip(const std::string& path, uint64_t offset) {
    auto file = File::Open(path, File::Mode::kReadWrite);
    ASSERT_TRUE(file.ok()) << file.status();
    uint8_t byte;
    ASSERT_TRUE(file->ReadAt(offset, &byte, 1).ok());
    byte ^= 0x10;
    ASSERT_TRUE(file->WriteAt(offset, &byte, 1).ok());
  }

  void Truncate(const std::string& path, uint64_t size) {
    auto file = File::Open(path, File::Mode::kReadWrite);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Truncate(size).ok());
  }

  absl::Status OpenAndVerify(int64_t step = 1) {
    auto snapshot = Snapshot::Open(StepPath(scratch_.path(), step));
    RETURN_IF_ERROR(snapshot.status());
    return (*snapshot)->Verify({});
  }

  uint64_t SizeOfFile(const std::string& path) {
    return File::Open(path, File::Mode::kRead)->Size().value();
  }

  const ScratchDirectory scratch_;
  const TinyState state_;
};

TEST_F(DamageTest, AFlippedBitAnywhereIsFoundAndItsFileNamed) {
  for (const std::string name :
       {"model.safetensors", "model.h5", "optimizer.h5", "config.json",
        "MANIFEST.pb"}) {
    const uint64_t size = SizeOfFile(Path(name));
    const uint64_t stride = std::max<uint64_t>(1, size / 150);
    for (uint64_t offset = 0; offset < size;
         offset += std::min(stride, std::max<uint64_t>(1, size - 1 - offset))) {
      Flip(Path(name), offset);
      const absl::Status status = OpenAndVerify();
      ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss)
          << name << " at " << offset << ": " << status;
      ASSERT_THAT(std::string(status.message()), HasSubstr(name));
      Flip(Path(name), offset);
      if (offset == size - 1) break;
    }
  }
  EXPECT_TRUE(OpenAndVerify().ok());
}

TEST_F(DamageTest, ADamagedTensorIsNamedAndNotRead) {
  // The last tensor of the file by name.
  Flip(Path("model.safetensors"), SizeOfFile(Path("model.safetensors")) - 1);
  auto snapshot = Snapshot::Open(StepPath(scratch_.path(), 1));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  std::vector<float> target(16, 7.0f);
  const absl::Status status = (*snapshot)->Read({{"model.norm.weight",
                                                  StateKind::kWeight,
                                                  DType::kF32,
                                                  {16},
                                                  {{0, 0, 16}},
                                                  target.data()}});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("weight model.norm.weight is damaged"));
  EXPECT_FLOAT_EQ(target[15], 7.0f);
}

TEST_F(DamageTest, DamageElsewhereDoesNotHinderAReader) {
  Flip(Path("model.safetensors"), SizeOfFile(Path("model.safetensors")) - 1);
  auto snapshot = Snapshot::Open(StepPath(scratch_.path(), 1));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  std::vector<float> target(16);
  EXPECT_TRUE((*snapshot)
                  ->Read({{"model.norm.weight",
                           StateKind::kMaster,
                           DType::kF32,
                           {16},
                           {{0, 0, 16}},
                           target.data()}})
                  .ok());
}

TEST_F(DamageTest, ATruncatedFileIsFoundOnOpening) {
  for (const std::string name :
       {"model.safetensors", "optimizer.h5", "config.json"}) {
    const std::string content = *ReadFile(Path(name));
    for (const size_t size :
         {content.size() - 1, content.size() / 2, size_t{0}}) {
      Truncate(Path(name), size);
      const absl::Status status =
          Snapshot::Open(StepPath(scratch_.path(), 1)).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << name;
      EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    }
    ASSERT_TRUE(WriteFileAtomically(Path(name), content).ok());
  }
  EXPECT_TRUE(OpenAndVerify().ok());
}

TEST_F(DamageTest, AManifestTruncatedAnywhereIsTorn) {
  const std::string content = *ReadFile(Path("MANIFEST.pb"));
  for (size_t size = 0; size < content.size(); size += 7) {
    Truncate(Path("MANIFEST.pb"), size);
    EXPECT_EQ(Snapshot::Open(StepPath(scratch_.path(), 1)).status().code(),
              absl::StatusCode::kDataLoss)
        << size;
    ASSERT_TRUE(WriteFileAtomically(Path("MANIFEST.pb"), content).ok());
  }
}

TEST_F(DamageTest, AMissingFileIsNamed) {
  ASSERT_TRUE(RemoveTree(Path("optimizer.h5")).ok());
  const absl::Status status = OpenAndVerify();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("optimizer.h5: missing"));
}

TEST_F(DamageTest, TheFilesOfAnotherStepAreRefused) {
  const TinyState other(TinyModel(), DType::kF32, true, /*seed=*/1);
  ASSERT_TRUE(WriteTiny(other, TinyOptions(scratch_.path()), TinyRun(2)).ok());
  ASSERT_TRUE(
      RenameDurably(Path("model.safetensors", 2), Path("model.safetensors", 1))
          .ok());
  EXPECT_EQ(OpenAndVerify().code(), absl::StatusCode::kDataLoss);
}

TEST_F(DamageTest, ADamagedNewestFallsBackToTheOneBeforeAndSaysSo) {
  Write(2);
  Write(3);
  Truncate(Path("optimizer.h5", 3), SizeOfFile(Path("optimizer.h5", 3)) / 2);
  ASSERT_TRUE(RemoveTree(Path("MANIFEST.pb", 2)).ok());
  std::vector<std::string> warnings;
  auto snapshot = OpenNewestSnapshot(scratch_.path(), &warnings);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ((*snapshot)->run().step, 1);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_THAT(warnings[0], HasSubstr("step-000000003"));
  EXPECT_THAT(warnings[0], HasSubstr("optimizer.h5"));
  EXPECT_THAT(warnings[1], HasSubstr("step-000000002"));
}

TEST_F(DamageTest, IfAllAreDamagedTheNewestOnesProblemIsTold) {
  Truncate(Path("config.json"), 3);
  std::vector<std::string> warnings;
  const absl::Status status =
      OpenNewestSnapshot(scratch_.path(), &warnings).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("config.json"));
}

TEST_F(DamageTest, VerifyReportsProgressUpToTheTotal) {
  auto snapshot = Snapshot::Open(StepPath(scratch_.path(), 1));
  ASSERT_TRUE(snapshot.ok());
  uint64_t last = 0;
  uint64_t whole = 0;
  ASSERT_TRUE((*snapshot)
                  ->Verify([&](uint64_t done, uint64_t total) {
                    EXPECT_GT(done, last);
                    last = done;
                    whole = total;
                  })
                  .ok());
  EXPECT_EQ(last, whole);
  EXPECT_EQ(whole, SizeOfFile(Path("model.safetensors")) +
                       SizeOfFile(Path("model.h5")) +
                       SizeOfFile(Path("optimizer.h5")) +
                       SizeOfFile(Path("config.json")));
}

}  // namespace
}  // namespace perdure
