#include "checkpoint/foreign/torch_file.h"

#include <unistd.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "checkpoint/foreign/safetensors_files.h"
#include "checkpoint/foreign/universal_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

std::string Golden(const std::string& name) {
  return absl::StrCat(PERDURE_SOURCE_DIR, "/tests/goldens/convert/", name);
}

std::map<std::string, SourceTensor> ByName(
    const std::vector<SourceTensor>& tensors) {
  std::map<std::string, SourceTensor> by_name;
  for (const SourceTensor& tensor : tensors) by_name[tensor.name] = tensor;
  return by_name;
}

std::string BytesOf(const LazyTensor& tensor) {
  std::string bytes(tensor.bytes(), '\0');
  const absl::Status status =
      ReadRange(tensor, 0, tensor.elements(), bytes.data());
  EXPECT_TRUE(status.ok()) << status;
  return bytes;
}

// The oracle: the same tensors, made contiguous and saved as safetensors.
void ExpectMixedState(const std::string& file) {
  SCOPED_TRACE(file);
  const auto source = OpenTorch(Golden(file));
  ASSERT_TRUE(source.ok()) << source.status();
  const auto expected = OpenSafetensorsFile(Golden("state.safetensors"));
  ASSERT_TRUE(expected.ok()) << expected.status();
  const auto found = ByName(source->tensors);
  EXPECT_EQ(found.size(), expected->size());
  for (const SourceTensor& tensor : *expected) {
    SCOPED_TRACE(tensor.name);
    ASSERT_TRUE(found.contains(tensor.name));
    const SourceTensor& mine = found.at(tensor.name);
    EXPECT_EQ(mine.dtype_name, tensor.dtype_name);
    EXPECT_EQ(mine.shape, tensor.shape);
    ASSERT_EQ(mine.tensor == nullptr, tensor.tensor == nullptr);
    if (mine.tensor == nullptr) continue;
    EXPECT_EQ(BytesOf(*mine.tensor), BytesOf(*tensor.tensor));
  }
  EXPECT_EQ(source->scalars.at("epoch"), Scalar(int64_t{3}));
  EXPECT_EQ(source->scalars.at("lr"), Scalar(0.5));
  EXPECT_EQ(source->scalars.at("name"), Scalar(std::string("mixed")));
}

TEST(TorchFileTest, EveryKindOfTensorIsReadFromTwoGenerationsOfPyTorch) {
  ExpectMixedState("state_2.pt");
  ExpectMixedState("state_1.pt");
}

TEST(TorchFileTest, TheFormatBefore16SaysWhatToDo) {
  const absl::Status status = OpenTorch(Golden("legacy.pt")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("before PyTorch 1.6"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("torch.save"));
}

TEST(TorchFileTest, WhatIsNoCheckpointIsRefused) {
  const ScratchDirectory scratch;
  const std::string path = JoinPath(scratch.path(), "x.pt");
  ASSERT_TRUE(WriteFileAtomically(path, "hello, world").ok());
  EXPECT_THAT(std::string(OpenTorch(path).status().message()),
              HasSubstr("is no file of torch.save"));
  EXPECT_EQ(OpenTorch(path + "x").status().code(), absl::StatusCode::kNotFound);
}

TEST(TorchFileTest, AFlippedBitOfATensorIsFoundWhenItIsRead) {
  const ScratchDirectory scratch;
  const std::string path = JoinPath(scratch.path(), "x.pt");
  std::string bytes = *ReadFile(Golden("megatron_llama.pt"));
  const std::string name = "output_layer.weight";
  const auto good = OpenTorch(Golden("megatron_llama.pt"));
  ASSERT_TRUE(good.ok()) << good.status();
  const std::string content = BytesOf(*ByName(good->tensors)[name].tensor);
  const size_t place = bytes.find(content);
  ASSERT_NE(place, std::string::npos);
  bytes[place + 77] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  const auto source = OpenTorch(path);
  ASSERT_TRUE(source.ok()) << source.status();
  const LazyRef damaged = ByName(source->tensors)[name].tensor;
  std::string read(damaged->bytes(), '\0');
  const absl::Status first =
      ReadRange(*damaged, 0, damaged->elements(), read.data());
  EXPECT_EQ(first.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(first.message()), HasSubstr("/data/"));
}

TEST(TorchFileTest, FilesOfADirectoryKeepTheirNamesApart) {
  const auto source = OpenTorch(Golden("megatron_ranks"));
  ASSERT_TRUE(source.ok()) << source.status();
  const auto found = ByName(source->tensors);
  EXPECT_TRUE(found.contains("tp_00:output_layer.weight"));
  EXPECT_TRUE(found.contains("tp_01:output_layer.weight"));
}

TEST(TorchFileTest, AUniversalDirectoryHasWeightsMomentsAndAStep) {
  const auto source = OpenUniversal(Golden("universal"));
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->run.step, 7);
  EXPECT_EQ(source->tensors.size(), 33u);
  int flat = 0;
  for (const SourceTensor& tensor : source->tensors) flat += tensor.flat;
  EXPECT_GT(flat, 0);
}

TEST(TorchFileTest, LatestUniversalNamesTheDirectory) {
  const ScratchDirectory scratch;
  ASSERT_EQ(0, symlink(Golden("universal").c_str(),
                       JoinPath(scratch.path(), "step7").c_str()));
  ASSERT_TRUE(WriteFileAtomically(JoinPath(scratch.path(), "latest_universal"),
                                  "step7\n")
                  .ok());
  EXPECT_TRUE(IsUniversalDirectory(scratch.path()));
  const auto source = OpenUniversal(scratch.path());
  EXPECT_TRUE(source.ok()) << source.status();
}

}  // namespace
}  // namespace perdure
