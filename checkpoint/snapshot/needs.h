#ifndef PERDURE_CHECKPOINT_SNAPSHOT_NEEDS_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_NEEDS_H_

// Which bytes of which files are needed.

#include <cstdint>
#include <vector>

#include "checkpoint/format/block_file.h"
#include "checkpoint/format/file_rows.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"

namespace perdure {

struct Need {
  uint64_t file;
  FileRows rows;
  friend bool operator==(const Need&, const Need&) = default;
};

// The same bytes, none of them twice, ascending by first byte. Columns that lie
// side by side become one range; what has another pattern than its neighbours
// is taken apart into rows.
std::vector<Need> Unite(std::vector<Need> needs);

// What fetches, by file, need, as Unite gives it.
std::vector<Need> NeedsOf(const std::vector<std::vector<Fetch>>& fetches);
// Collective: what any rank of the group needs, as Unite gives it.
absl::StatusOr<std::vector<Need>> UnionOfNeeds(Communicator& group,
                                               const std::vector<Need>& mine);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_NEEDS_H_
