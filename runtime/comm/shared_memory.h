#ifndef PERDURE_RUNTIME_COMM_SHARED_MEMORY_H_
#define PERDURE_RUNTIME_COMM_SHARED_MEMORY_H_

// Memory shared by the processes of a group on one node, without names in a
// file system: each rank makes an anonymous file, the others open it through
// /proc. So nothing is left behind when a job is killed, no size limit of a
// /dev/shm mount applies, and giving it back needs no other rank (as it would
// for an MPI window).

#include <functional>
#include <vector>

#include "runtime/comm/group.h"
#include "runtime/comm/memory_map.h"

namespace perdure {

// Gathers `bytes` bytes of every rank in `output`, in rank order.
using ExchangeFunction = std::function<absl::Status(
    const void* input, uint64_t bytes, void* output)>;

// Collective: maps one zero-filled segment of `bytes` bytes (the same on all
// ranks) of each rank, by rank. Empty on all ranks if the processes cannot see
// each other's files (other containers on one machine).
absl::StatusOr<std::vector<MemoryMap>> ShareMemory(
    const GroupInfo& group, uint64_t bytes, const ExchangeFunction& exchange);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_SHARED_MEMORY_H_
