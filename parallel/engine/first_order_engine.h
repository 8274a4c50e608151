#ifndef PERDURE_PARALLEL_ENGINE_FIRST_ORDER_ENGINE_H_
#define PERDURE_PARALLEL_ENGINE_FIRST_ORDER_ENGINE_H_

// Training by back-propagation and AdamW, over data-, tensor- and
// pipeline-parallel ranks. The global batch, its order and the schedules are
// the run's; the topology only says who computes what.

#include <memory>
#include <utility>
#include <vector>

#include "parallel/engine/adamw_state.h"
#include "parallel/engine/evaluate.h"
#include "parallel/engine/gradient_passes.h"
#include "parallel/engine/gradient_reducer.h"
#include "parallel/engine/loss_reducer.h"
#include "parallel/engine/micro_batch_reader.h"
#include "parallel/engine/model_runtime.h"
#include "parallel/engine/state_export.h"
#include "parallel/engine/train_engine.h"
#include "parallel/engine/weight_publisher.h"
#include "parallel/pipeline/executor.h"
#include "runtime/config/run.pb.h"
#include "runtime/data/dataset.h"
#include "runtime/state/step_record.h"
#include "runtime/state/train_state.h"

namespace perdure {

class FirstOrderEngine : public TrainEngine {
 public:
  // Collective. `config` is resolved and valid for the topology; max_rows: of
  // its largest micro-batch. Weights are initialised from the seed; moments are
  // zero.
  static absl::StatusOr<std::unique_ptr<FirstOrderEngine>> Create(
      const RunConfig& config, int64_t max_rows, const ProcessGroups* groups,
      Device* device, Trace* trace);

  absl::StatusOr<StepRecord> Step(const Dataset& data, RunState* run,
                                  int* signal) override;
  absl::StatusOr<Evaluation> Evaluate(const Dataset& data, int64_t sequences,
                                      int signal) override;
  absl::Status Replay(absl::Span<const StepRecord> steps) override;
  const StateMap& SaveMap() override { return state_->map(); }
  absl::Status Give(StateSink* sink) override { return state_->Give(sink); }
  std::vector<StateRequest> Requests(bool weights_only) override;
  void WeightsChanged() override { optimizer_->SetMastersFromWeights(); }
  ModelRuntime& runtime() override { return *runtime_; }
  absl::StatusOr<uint64_t> Recompute(const Dataset& data,
                                     const RunState& run) override;
  std::vector<TensorDigest> Digests() override {
    return DigestReplica(runtime_.get(), optimizer_.get());
  }

  void SetShares(const std::vector<int64_t>& counts) override {
    passes_->SetShares(counts);
  }
  const std::vector<int64_t>& shares() const override {
    return passes_->shares();
  }
  void SetSpeeds(int coordinator, std::vector<double> speeds) override {
    passes_->SetSpeeds(coordinator, speeds);
  }

 private:
  FirstOrderEngine(const RunConfig& config, const ProcessGroups* groups,
                   Trace* trace)
      : config_(config),
        groups_(groups),
        trace_(trace),
        reader_(config.train().micro_batch()) {}

  // All forward and backward passes of a step. With `evidence` also what this
  // rank computed in them.
  absl::StatusOr<BatchLoss> Backpropagate(const Dataset& data,
                                          const RunState& run, int signal,
                                          uint64_t* evidence);
  // The reason why the step is bad; "" for a good one.
  std::string Judge(const BatchLoss& loss, double norm_squared,
                    const RunState& run) const;
  absl::Status Update(const BatchLoss& loss, double grad_norm,
                      const RunState& run, double learning_rate);

  RunConfig config_;
  const ProcessGroups* groups_;
  Trace* trace_;
  std::unique_ptr<ModelRuntime> runtime_;
  Ownership owned_;
  std::unique_ptr<AdamWState> optimizer_;
  std::unique_ptr<StateExport> state_;
  std::unique_ptr<GradientReducer> reducer_;
  std::unique_ptr<WeightPublisher> publisher_;
  std::unique_ptr<PipelineExecutor> executor_;
  std::unique_ptr<GradientPasses> passes_;
  MicroBatchReader reader_;  // of evaluations
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_FIRST_ORDER_ENGINE_H_
