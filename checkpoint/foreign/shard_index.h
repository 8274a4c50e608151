#ifndef PERDURE_CHECKPOINT_FOREIGN_SHARD_INDEX_H_
#define PERDURE_CHECKPOINT_FOREIGN_SHARD_INDEX_H_

// The index files of Hugging Face directories in several files.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// File name -> names of the tensors that the index puts there.
using ShardMap = std::map<std::string, std::set<std::string>>;

// DataLoss where the index is damaged or leads out of its directory.
absl::StatusOr<ShardMap> ReadShardIndex(const std::string& path);

// Whether a shard holds what the index says, and nothing else.
absl::Status CheckShard(absl::string_view shard,
                        const std::vector<std::string>& found,
                        std::set<std::string> expected,
                        absl::string_view index_name);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_SHARD_INDEX_H_
