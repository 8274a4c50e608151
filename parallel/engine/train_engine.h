#ifndef PERDURE_PARALLEL_ENGINE_TRAIN_ENGINE_H_
#define PERDURE_PARALLEL_ENGINE_TRAIN_ENGINE_H_

// What trains a model: first-order or zeroth-order. All calls are collective
// over the world.

#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "parallel/engine/evaluate.h"
#include "parallel/engine/model_runtime.h"
#include "parallel/engine/state_pieces.h"
#include "parallel/engine/step_checks.h"
#include "parallel/engine/weight_fault.h"
#include "runtime/data/dataset.h"
#include "runtime/state/step_record.h"
#include "runtime/state/train_state.h"

namespace perdure {

class TrainEngine {
 public:
  virtual ~TrainEngine() = default;

  // Step number run->step + 1 on the next global_batch samples; updates *run. A
  // bad step (see TrainConfig.bad_step) makes no update. `signal` is combined
  // over ranks: the largest comes back in *signal. OutOfRange: bad_step is
  // STOP, or too many bad steps in a row.
  virtual absl::StatusOr<StepRecord> Step(const Dataset& data, RunState* run,
                                          int* signal) = 0;
  // See perdure::Evaluate; of the weights after the last step, which stay as
  // they are.
  virtual absl::StatusOr<Evaluation> Evaluate(const Dataset& data,
                                              int64_t sequences,
                                              int signal) = 0;

  // Makes the updates of steps that were made before, in order, to the weights
  // that they were made to then. Bit-identical to having trained.
  // FailedPrecondition where the engine cannot (first-order).
  virtual absl::Status Replay(absl::Span<const StepRecord> steps) = 0;

  // Saving and loading, between steps. Which rank saves what; never changes.
  virtual const StateMap& SaveMap() = 0;
  // Hands over this rank's ranges of SaveMap, in order.
  virtual absl::Status Give(StateSink* sink) = 0;
  // This rank's ranges, copied.
  absl::StatusOr<SavedPieces> Pieces();
  virtual std::vector<StateRequest> Requests(bool weights_only) = 0;
  // After weights were loaded without optimizer state.
  virtual void WeightsChanged() = 0;

  // Between steps, the same on all ranks: how many micro-batches of a step each
  // dp replica computes from now on; where a step is shared as tasks, which
  // replica (of dp and pertp) coordinates, and how fast they all are, as parts
  // of an ordinary speed. At the start: even shares, replica 0, all alike.
  virtual void SetShares(const std::vector<int64_t>& counts) = 0;
  virtual const std::vector<int64_t>& shares() const = 0;
  virtual void SetSpeeds(int coordinator, std::vector<double> speeds) = 0;

  virtual ModelRuntime& runtime() = 0;

  // What Step makes before its update; nullptr: none. Not owned.
  void SetChecks(StepChecks* checks) { checks_ = checks; }
  // Computes the losses (and gradients) of the step after `run` on the weights
  // as they are; makes no update. The number that comes back depends on every
  // bit that this rank computed: its evidence.
  virtual absl::StatusOr<uint64_t> Recompute(const Dataset& data,
                                             const RunState& run) = 0;
  // Where replicas are compared at all: of the state after `state_step`,
  // between steps.
  absl::Status CheckReplicas(int64_t state_step);
  // What StepChecks::CompareReplicas compares.
  virtual std::vector<TensorDigest> Digests() = 0;

  // The next computation of losses (and gradients) finds a weight of this rank
  // spoiled, the one after it does not.
  void SpoilNextComputation(WeightSpoil how) { spoil_ = how; }

 protected:
  bool NeedsEvidence(int64_t step) const {
    return checks_ != nullptr && checks_->NeedsEvidence(step);
  }
  // Between what a step has computed, with this evidence, and its update. Where
  // it is computed twice the second results stay, which are the same.
  absl::Status CheckStep(const Dataset& data, const RunState& run,
                         const StepRecord& record, uint64_t evidence);
  std::optional<WeightSpoil> TakeSpoil() {
    return std::exchange(spoil_, std::nullopt);
  }

 private:
  StepChecks* checks_ = nullptr;
  std::optional<WeightSpoil> spoil_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_TRAIN_ENGINE_H_
