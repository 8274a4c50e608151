#ifndef PERDURE_PARALLEL_ENGINE_GRADIENT_PASSES_H_
#define PERDURE_PARALLEL_ENGINE_GRADIENT_PASSES_H_

// The forward and backward passes of a first-order step: each replica fills its
// gradient buffers, so that their sum over replicas is the step's gradient.
//
// With resilience.gradient_coding = s the dp replicas form groups of s + 1 (one
// more where dp is no multiple); all of a group compute the same micro-batches,
// the first of them wins and the others' buffers become zero: fractional
// repetition (Tandon et al., "Gradient Coding", ICML 2017) without decoding. A
// late rank drops its passes at a block. The bits are those of a run with as
// many replicas as there are groups.

#include <memory>
#include <vector>

#include "parallel/engine/loss_reducer.h"
#include "parallel/engine/micro_batch_reader.h"
#include "parallel/engine/model_runtime.h"
#include "parallel/pipeline/executor.h"
#include "parallel/tasks/task_exchange.h"
#include "runtime/config/run.pb.h"
#include "runtime/state/train_state.h"

namespace perdure {

// Groups of replicas that compute alike; dp without coding. Pure.
int GradientGroups(const RunConfig& config, int dp);

class GradientPasses {
 public:
  // `runtime`, `executor` and `groups` outlive it.
  GradientPasses(const RunConfig& config, const ProcessGroups* groups,
                 ModelRuntime* runtime, PipelineExecutor* executor);

  // Collective over the world. Of step run.step + 1; `signal` is combined.
  // With `evidence`, not with coding, also what this rank computed
  // (evidence.h).
  absl::StatusOr<BatchLoss> Run(const Dataset& data, const RunState& run,
                                int signal, uint64_t* evidence);

  // See TrainEngine. Counts are of groups.
  void SetShares(const std::vector<int64_t>& counts) { shares_ = counts; }
  const std::vector<int64_t>& shares() const { return shares_; }
  void SetSpeeds(int coordinator, const std::vector<double>&) {
    coordinator_ = coordinator;
  }

 private:
  bool coded() const { return exchange_ != nullptr; }
  int GroupOf(int replica) const;
  // Computes the micro-batches of a group; losses by micro-batch.
  absl::Status Compute(const Dataset& data, const RunState& run, Range share,
                       std::vector<SequenceLosses>* losses);
  absl::StatusOr<BatchLoss> RunCoded(const Dataset& data, const RunState& run,
                                     int signal);
  void ZeroGradients(bool all);

  RunConfig config_;
  const ProcessGroups* groups_;
  ModelRuntime* runtime_;
  PipelineExecutor* executor_;
  MicroBatchReader reader_;
  std::vector<int64_t> shares_;  // by group
  int coordinator_ = 0;
  std::unique_ptr<TaskExchange> exchange_;  // nullptr: without coding
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_GRADIENT_PASSES_H_
