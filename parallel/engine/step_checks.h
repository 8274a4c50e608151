#ifndef PERDURE_PARALLEL_ENGINE_STEP_CHECKS_H_
#define PERDURE_PARALLEL_ENGINE_STEP_CHECKS_H_

// Looks for results that are wrong although nothing crashed
// (ResilienceConfig): weights that differ between replicas, a step that comes
// out differently when it is done again, ranks that know different things of a
// step. All decisions are the same on all ranks; errors are those of
// runtime/base/blame.h.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "parallel/engine/replica_digests.h"
#include "parallel/group/process_groups.h"
#include "runtime/config/resilience.pb.h"
#include "runtime/state/spike_detector.h"
#include "runtime/state/step_record.h"

namespace perdure {

class StepChecks {
 public:
  // `groups` outlive it. `host`: this rank's, for messages. `agreed_step`: the
  // state after it was read from files.
  StepChecks(const ResilienceConfig& config, const ProcessGroups* groups,
             std::string host, int64_t agreed_step);

  // Whether what the step computes is needed as one number (its evidence):
  // because it will, or might, be computed twice.
  bool NeedsEvidence(int64_t step) const;
  // Whether it is to be computed twice.
  bool RepeatDue(const StepRecord& record, bool bad) const;
  // Collective. An error if the evidences of any rank differ.
  absl::Status CompareRepeat(int64_t step, uint64_t first, uint64_t second);

  bool compares_replicas() const { return config_.check_every_steps() > 0; }
  bool ReplicasDue(int64_t step) const {
    return compares_replicas() && step % config_.check_every_steps() == 0;
  }
  // Collective. `look` gives what this rank holds of the state after
  // `state_step`; it is called once more if there are differences.
  absl::Status CompareReplicas(
      int64_t state_step, absl::FunctionRef<std::vector<TensorDigest>()> look);
  // The newest step after which all replicas agreed.
  int64_t agreed_step() const { return agreed_step_; }

  // Collective, if replicas are compared at all: an error if ranks know
  // different things of a step.
  absl::Status CompareRecords(const StepRecord& record);

  SpikeDetector& spikes() { return spikes_; }

 private:
  const ResilienceConfig config_;
  const ProcessGroups* groups_;
  const std::string host_;
  int64_t agreed_step_;
  SpikeDetector spikes_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_STEP_CHECKS_H_
