#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_PROBE_RUNNER_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_PROBE_RUNNER_H_

// Forward passes of a rank's probes. On one stage a block at a time: the
// weights of a block are perturbed, then all micro-batches pass through it, so
// that no second copy of the model is needed. In a pipeline a micro-batch at a
// time, probes and micro-batches one after the other without a gap, from copies
// of the stage. Both give the same bits.

#include <functional>
#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/pipeline/executor.h"
#include "parallel/zeroth_order/perturbed_weights.h"
#include "parallel/zeroth_order/probes.h"

namespace perdure {

class ProbeRunner {
 public:
  // Nothing is owned; trace may be nullptr.
  ProbeRunner(ModelRuntime* runtime, PerturbedWeights* weights,
              PipelineExecutor* executor, const ProcessGroups* groups,
              Trace* trace);

  // Collective over the pipeline. All weights end up to date. `base`: kind,
  // step and scale. On the last stage (*losses)[i * micro_batches.size() + m]
  // are those of the i-th probe of the groups on micro-batch m.
  absl::Status Run(const std::vector<ProbeGroup>& groups,
                   const Perturbation& base,
                   const std::vector<MicroBatch>& micro_batches,
                   std::vector<SequenceLosses>* losses);

 private:
  absl::Status RunBlockwise(const ProbeGroup& group,
                            const DirectionRequest* request,
                            const std::vector<MicroBatch>& micro_batches,
                            SequenceLosses* losses);
  absl::Status ForwardBlock(int64_t block, size_t unit, const MicroBatch& micro,
                            SequenceLosses* losses);
  absl::Status RunPipelined(const std::vector<ProbeGroup>& groups,
                            const std::vector<DirectionRequest>& requests,
                            const std::vector<MicroBatch>& micro_batches,
                            std::vector<SequenceLosses>* losses);

  ModelRuntime* runtime_;
  PerturbedWeights* weights_;
  const ProcessGroups* groups_;
  Trace* trace_;
  PipelineExecutor* executor_;
  // [N, D] fp32 each: the residual streams of all passes under way, and one to
  // write the next to.
  std::vector<Tensor> streams_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_PROBE_RUNNER_H_
