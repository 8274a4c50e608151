#include "checkpoint/foreign/safetensors_files.h"

#include <memory>
#include <utility>

#include "checkpoint/foreign/shard_index.h"
#include "checkpoint/format/safetensors.h"
#include "checkpoint/lazy/file_tensor.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr char kSingleName[] = "model.safetensors";
constexpr char kIndexName[] = "model.safetensors.index.json";

}  // namespace

bool HasSafetensors(const std::string& directory) {
  return FileExists(JoinPath(directory, kSingleName)) ||
         FileExists(JoinPath(directory, kIndexName));
}

absl::StatusOr<std::vector<SourceTensor>> OpenSafetensorsFile(
    const std::string& path) {
  ASSIGN_OR_RETURN(File opened, File::Open(path, File::Mode::kRead));
  const auto file = std::make_shared<const File>(std::move(opened));
  ASSIGN_OR_RETURN(const std::vector<SafetensorsTensor> header,
                   ReadSafetensorsHeader(*file));
  std::vector<SourceTensor> tensors;
  for (const SafetensorsTensor& entry : header) {
    tensors.push_back(
        entry.dtype.has_value()
            ? ReadableTensor(entry.name,
                             MakeFileTensor(file, entry.offset, *entry.dtype,
                                            entry.shape, entry.name))
            : UnreadableTensor(entry.name, entry.dtype_name, entry.shape));
  }
  return tensors;
}

absl::StatusOr<std::vector<SourceTensor>> OpenSafetensorsShards(
    const std::string& directory) {
  const std::string single = JoinPath(directory, kSingleName);
  if (FileExists(single)) return OpenSafetensorsFile(single);
  ASSIGN_OR_RETURN(const ShardMap shards,
                   ReadShardIndex(JoinPath(directory, kIndexName)));
  std::vector<SourceTensor> tensors;
  for (const auto& [shard, names] : shards) {
    const std::string path = JoinPath(directory, shard);
    ASSIGN_OR_RETURN(std::vector<SourceTensor> found,
                     OpenSafetensorsFile(path));
    std::vector<std::string> found_names;
    for (const SourceTensor& tensor : found) found_names.push_back(tensor.name);
    RETURN_IF_ERROR(CheckShard(path, found_names, names, kIndexName));
    for (SourceTensor& tensor : found) tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace perdure
