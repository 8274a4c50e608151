#ifndef PERDURE_RUNTIME_COMM_GROUP_H_
#define PERDURE_RUNTIME_COMM_GROUP_H_

// What error messages need: who is in a group and what it is doing.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/comm/communicator.h"
#include "runtime/progress/progress.h"

namespace perdure {

struct GroupInfo {
  std::string name;              // "tp[0]"
  int rank = 0;                  // of this process or thread
  std::vector<int> world_ranks;  // by rank in the group
  absl::Duration timeout;
  ProgressBoard* progress = nullptr;  // told what this rank waits in, if any

  int size() const { return static_cast<int>(world_ranks.size()); }
};

enum class CollectiveKind : int32_t {
  kNone = 0,
  kBarrier = 1,
  kAllReduce = 2,
  kAllGather = 3,
  kBroadcast = 4
};

// One call of a collective. It lies in shared memory and travels in messages
// between ranks of one build: trivially copyable, no padding.
struct CollectiveCall {
  uint64_t sequence = 0;  // 1, 2, ... on each communicator
  uint64_t bytes = 0;     // of one rank
  CollectiveKind kind = CollectiveKind::kNone;
  int32_t root = 0;   // kBroadcast
  int32_t dtype = 0;  // kAllReduce: a DType
  int32_t op = 0;     // kAllReduce: a ReduceOp
};
static_assert(sizeof(CollectiveCall) == 32);

// "AllReduce(sum, F32, 4096 bytes) #12"
std::string Describe(const CollectiveCall& call);

// "rank 1 (world rank 5)"
std::string RankName(const GroupInfo& group, int rank);

// Whether both ranks mean the same operation.
bool SameCall(const CollectiveCall& a, const CollectiveCall& b);

// "AllReduce"
const char* CollectiveName(CollectiveKind kind);

// "tp[0]: AllReduce(...) #12", the start of every message.
std::string CallName(const GroupInfo& group, const CollectiveCall& call);

// DeadlineExceeded naming `missing`, each with what it last entered (`last`, by
// rank of the group; empty if unknown).
absl::Status MissingRanksError(const GroupInfo& group,
                               const CollectiveCall& call,
                               const std::vector<int>& missing,
                               const std::vector<CollectiveCall>& last);

// Internal: `rank` makes another call than this rank does.
absl::Status MismatchError(const GroupInfo& group, const CollectiveCall& mine,
                           int rank, const CollectiveCall& other);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_GROUP_H_
