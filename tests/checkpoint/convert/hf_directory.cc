#include "tests/checkpoint/convert/hf_directory.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/format/safetensors.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {

HfTensors ReadHfTensors(const std::string& path) {
  HfTensors tensors;
  auto file = File::Open(path, File::Mode::kRead);
  EXPECT_TRUE(file.ok()) << file.status();
  const auto header = ReadSafetensorsHeader(*file);
  EXPECT_TRUE(header.ok()) << header.status();
  const std::string content = *ReadFile(path);
  for (const SafetensorsTensor& tensor : *header) {
    tensors[tensor.name] = {tensor.dtype_name, tensor.shape,
                            content.substr(tensor.offset, tensor.bytes)};
  }
  return tensors;
}

void WriteHfTensors(const HfTensors& tensors, const std::string& path) {
  std::string json = "{";
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    absl::StrAppend(&json, json.size() > 1 ? "," : "", JsonString(name),
                    ":{\"dtype\":\"", tensor.dtype, "\",\"shape\":[",
                    absl::StrJoin(tensor.shape, ","), "],\"data_offsets\":[",
                    data.size(), ",", data.size() + tensor.bytes.size(), "]}");
    data += tensor.bytes;
  }
  json += "}";
  const uint64_t length = json.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  ASSERT_TRUE(WriteFileAtomically(path, bytes + json + data).ok());
}

std::string GoldenPath(const std::string& model) {
  return absl::StrCat(PERDURE_SOURCE_DIR, "/tests/goldens/", model);
}

std::vector<std::string> GoldenModels() {
  return {"gpt2_tied",    "gpt2_untied", "opt_tied",  "opt_untied",
          "llama_untied", "llama_tied",  "qwen2_tied"};
}

void CopyHfDirectory(const std::string& from, const std::string& to,
                     const HfTensors& tensors) {
  ASSERT_TRUE(CreateDirectories(to).ok());
  const auto config = ReadFile(JoinPath(from, "config.json"));
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(WriteFileAtomically(JoinPath(to, "config.json"), *config).ok());
  WriteHfTensors(tensors, JoinPath(to, "model.safetensors"));
}

absl::StatusOr<std::unique_ptr<StateSource>> OpenWeights(
    const std::string& directory) {
  ASSIGN_OR_RETURN(ModelSource source, OpenModelSource(directory));
  return std::move(source.source);
}

void ExpectWeights(const HfTensors& expected, StateSource& source) {
  EXPECT_EQ(source.Names(StateKind::kWeight).size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    std::string found(tensor.bytes.size(), '\0');
    const DType dtype = *DTypeFromName(tensor.dtype);
    const int64_t n = static_cast<int64_t>(found.size()) / SizeOf(dtype);
    const absl::Status status = source.Read({{name,
                                              StateKind::kWeight,
                                              dtype,
                                              tensor.shape,
                                              {{0, 0, n}},
                                              found.data()}});
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(found == tensor.bytes) << name;
  }
}

}  // namespace perdure
