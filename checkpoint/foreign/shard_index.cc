#include "checkpoint/foreign/shard_index.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {

using nlohmann::json;

absl::StatusOr<ShardMap> ReadShardIndex(const std::string& path) {
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

absl::Status CheckShard(absl::string_view shard,
                        const std::vector<std::string>& found,
                        std::set<std::string> expected,
                        absl::string_view index_name) {
  for (const std::string& name : found) {
    if (expected.erase(name) == 0) {
      return absl::DataLossError(
          absl::StrCat(shard, ": holds tensor ", JsonString(name), ", which ",
                       index_name, " does not put there"));
    }
  }
  if (expected.empty()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(shard, ": lacks tensor ", JsonString(*expected.begin()),
                   ", which ", index_name, " puts there"));
}

}  // namespace perdure
