#ifndef PERDURE_PARALLEL_ENGINE_REPLICA_DIGESTS_H_
#define PERDURE_PARALLEL_ENGINE_REPLICA_DIGESTS_H_

// What a rank holds, a number a tensor; and who is wrong where ranks that
// should hold the same do not.

#include <cstdint>
#include <string>
#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/optimizer_state.h"
#include "runtime/base/blame.h"
#include "runtime/topology/topology.h"

namespace perdure {

struct TensorDigest {
  std::string name;  // "NAME" or "NAME (master)"
  uint64_t digest = 0;
  friend bool operator==(const TensorDigest&, const TensorDigest&) = default;
};

// Of this rank's part of all weights, and of fp32 masters that every replica
// has; see runtime/state/digest.h. `optimizer` may be nullptr.
std::vector<TensorDigest> DigestReplica(ModelRuntime* runtime,
                                        OptimizerState* optimizer);
// Depends on all of them.
uint64_t Combine(const std::vector<TensorDigest>& digests);

// What a rank says about itself when replicas disagree.
struct ReplicaReport {
  std::string host;
  bool steady = true;  // looking again, it found the same digests
  std::vector<TensorDigest> tensors;
};
std::string EncodeReport(const ReplicaReport& report);
absl::StatusOr<ReplicaReport> DecodeReport(absl::string_view text);

// Pure. `reports`: of all ranks of the world. In every group of replicas those
// that are not steady, or differ from what more than half of the group holds,
// are guilty. Where there is no such majority, all whose digests differ from
// another's are named and the blame is not certain. OK if there is no
// difference; else the error of runtime/base/blame.h. `state_step`: the step
// after which this is the state.
absl::Status JudgeReplicas(const Topology& topology,
                           const std::vector<ReplicaReport>& reports,
                           int64_t state_step, int64_t trusted_step);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_REPLICA_DIGESTS_H_
