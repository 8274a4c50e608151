#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_ZEROTH_ORDER_ENGINE_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_ZEROTH_ORDER_ENGINE_H_

// Training from losses alone (MeZO, Malladi et al. 2023), over data-,
// pipeline-, perturbation- and tensor-parallel ranks. Across dp and pertp only
// losses travel. A step is a pure function of (theta, batch): the same bits for
// every dp x pp x pertp and thread count (design I2 - I5); tp changes the order
// of additions inside products.

#include <memory>
#include <utility>
#include <vector>

#include "parallel/engine/micro_batch_reader.h"
#include "parallel/engine/state_export.h"
#include "parallel/engine/train_engine.h"
#include "parallel/pipeline/executor.h"
#include "parallel/zeroth_order/estimator.h"
#include "parallel/zeroth_order/perturbed_weights.h"
#include "parallel/zeroth_order/probe_runner.h"
#include "parallel/zeroth_order/step_losses.h"
#include "runtime/config/run.pb.h"

namespace perdure {

class ZerothOrderEngine : public TrainEngine {
 public:
  // Collective. `config` is resolved and valid for the topology; max_rows: of
  // its largest micro-batch. Weights are initialised from the seed. `kernels`:
  // BestZerothOrderKernels, or others to test that they give the same bits.
  static absl::StatusOr<std::unique_ptr<ZerothOrderEngine>> Create(
      const RunConfig& config, int64_t max_rows, const ProcessGroups* groups,
      Device* device, Trace* trace, const ZerothOrderKernels* kernels);

  absl::StatusOr<StepRecord> Step(const Dataset& data, RunState* run,
                                  int* signal) override;
  absl::StatusOr<Evaluation> Evaluate(const Dataset& data, int64_t sequences,
                                      int signal) override;
  absl::Status Replay(absl::Span<const StepRecord> steps) override;
  const StateMap& SaveMap() override { return state_->map(); }
  absl::Status Give(StateSink* sink) override;
  std::vector<StateRequest> Requests(bool weights_only) override;
  void WeightsChanged() override;
  void SetShares(const std::vector<int64_t>& counts) override {
    losses_->SetShares(counts);
  }
  const std::vector<int64_t>& shares() const override {
    return losses_->shares();
  }
  void SetSpeeds(int coordinator, std::vector<double> speeds) override {
    losses_->SetSpeeds(coordinator, std::move(speeds));
  }
  ModelRuntime& runtime() override { return *runtime_; }
  absl::StatusOr<uint64_t> Recompute(const Dataset& data,
                                     const RunState& run) override;
  std::vector<TensorDigest> Digests() override;

 private:
  ZerothOrderEngine(const RunConfig& config, const ProcessGroups* groups,
                    Trace* trace);

  double EpsOf(double learning_rate) const;
  // Those of a step, as StepLosses gives them.
  absl::Status ComputeLosses(const Dataset& data, const RunState& run,
                             double eps, LossTable* table, int* signal,
                             uint64_t* evidence);
  // The estimate, on all ranks.
  absl::StatusOr<StepEstimate> ShareEstimate(double learning_rate, double eps,
                                             const LossTable& table);
  StepRecord MakeRecord(const StepEstimate& estimate, double learning_rate,
                        const RunState& run) const;
  ZerothOrderUpdate UpdateOf(const StepRecord& record) const;

  RunConfig config_;
  const ProcessGroups* groups_;
  Trace* trace_;
  std::unique_ptr<ModelRuntime> runtime_;
  std::unique_ptr<PerturbedWeights> weights_;
  std::unique_ptr<StateExport> state_;
  std::unique_ptr<PipelineExecutor> executor_;  // of probes and evaluation
  std::unique_ptr<ProbeRunner> runner_;
  std::unique_ptr<StepLosses> losses_;
  MicroBatchReader reader_;  // of evaluations
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_ZEROTH_ORDER_ENGINE_H_
