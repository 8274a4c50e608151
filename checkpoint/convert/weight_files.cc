#include "checkpoint/convert/weight_files.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/names.h"
#include "nlohmann/json.hpp"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using nlohmann::json;

// Shard -> names of the tensors that the index puts there.
using ShardMap = std::map<std::string, std::set<std::string>>;

absl::StatusOr<ShardMap> ReadIndex(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const json index = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!index.is_object() || !index.contains("weight_map") ||
      !index["weight_map"].is_object()) {
    return absl::DataLossError(
        absl::StrCat(path, ": has no object \"weight_map\""));
  }
  ShardMap shards;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    // Shards lie beside the index; a path could lead anywhere.
    if (!shard.is_string() ||
        shard.get<std::string>().find('/') != std::string::npos) {
      return absl::DataLossError(absl::StrCat(
          path, ": weight_map of ", JsonString(name), " is no file name"));
    }
    shards[shard.get<std::string>()].insert(name);
  }
  return shards;
}

absl::StatusOr<WeightFile> OpenWeightFile(const std::string& path) {
  WeightFile weights;
  ASSIGN_OR_RETURN(weights.file, File::Open(path, File::Mode::kRead));
  ASSIGN_OR_RETURN(weights.tensors, ReadSafetensorsHeader(weights.file));
  return weights;
}

// Every tensor of the index is in its shard, and no other.
absl::Status CheckShard(const WeightFile& weights,
                        std::set<std::string> expected) {
  for (const SafetensorsTensor& tensor : weights.tensors) {
    if (expected.erase(tensor.name) == 0) {
      return absl::DataLossError(absl::StrCat(
          weights.file.path(), ": holds tensor ", JsonString(tensor.name),
          ", which ", kIndexName, " does not put there"));
    }
  }
  if (expected.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      weights.file.path(), ": lacks tensor ", JsonString(*expected.begin()),
      ", which ", kIndexName, " puts there"));
}

}  // namespace

absl::StatusOr<std::vector<WeightFile>> OpenWeightFiles(absl::string_view dir) {
  std::vector<WeightFile> files;
  const std::string single = JoinPath(dir, kWeightsName);
  const std::string index = JoinPath(dir, kIndexName);
  if (FileExists(single)) {
    ASSIGN_OR_RETURN(files.emplace_back(), OpenWeightFile(single));
    return files;
  }
  if (!FileExists(index)) {
    const bool pickled = FileExists(JoinPath(dir, "pytorch_model.bin"));
    return absl::NotFoundError(absl::StrCat(
        dir, ": neither ", kWeightsName, " nor ", kIndexName,
        pickled ? "; pytorch_model.bin is not read: save the model with "
                  "save_pretrained(..., safe_serialization=True)"
                : ""));
  }
  ASSIGN_OR_RETURN(const ShardMap shards, ReadIndex(index));
  for (const auto& [shard, names] : shards) {
    ASSIGN_OR_RETURN(files.emplace_back(),
                     OpenWeightFile(JoinPath(dir, shard)));
    RETURN_IF_ERROR(CheckShard(files.back(), names));
  }
  return files;
}

}  // namespace perdure
