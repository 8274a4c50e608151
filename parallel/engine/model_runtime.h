#ifndef PERDURE_PARALLEL_ENGINE_MODEL_RUNTIME_H_
#define PERDURE_PARALLEL_ENGINE_MODEL_RUNTIME_H_

// This rank's part of a model, ready to compute: memory, weights, blocks. The
// base of training, evaluation and generation.

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "parallel/engine/replica_memory.h"
#include "parallel/engine/work_meter.h"
#include "parallel/group/process_groups.h"
#include "parallel/model/context.h"
#include "parallel/model/stage_model.h"
#include "runtime/config/train.pb.h"
#include "runtime/state/train_state.h"

namespace perdure {

// Of matrices, by train.dtype.
inline DType ComputeDType(const TrainConfig& train) {
  return train.dtype() == TrainConfig::BF16 ? DType::kBF16 : DType::kF32;
}

struct ModelRuntimeOptions {
  DType dtype = DType::kF32;
  bool with_gradients = false;
  int64_t max_rows = 0;  // largest B*T of a micro-batch
  bool recompute = false;
  uint64_t seed = 0;
};

class ModelRuntime {
 public:
  // Collective. `model` is resolved and fits the topology (CheckModelTopology).
  // groups, device and trace outlive the runtime; trace may be nullptr. Weights
  // are uninitialised: Initialize, or read WeightRequests.
  static absl::StatusOr<std::unique_ptr<ModelRuntime>> Create(
      const ModelConfig& model, const ModelRuntimeOptions& options,
      const ProcessGroups* groups, Device* device, Trace* trace);

  ModelRuntime(const ModelRuntime&) = delete;
  ModelRuntime& operator=(const ModelRuntime&) = delete;

  void Initialize();
  // What a StateSource must read to fill all weights of this rank.
  std::vector<StateRequest> WeightRequests();

  const ModelConfig& model() const { return model_; }
  const ParamLayout& layout() const { return layout_; }
  ParamStore& params() { return *params_; }
  const ReplicaMemory& memory() const { return *memory_; }
  const ProcessGroups& groups() const { return *groups_; }
  const ModelContext& context() const { return context_; }
  StageModel& stage() { return *stage_; }
  // Of all passes between its Begin and End.
  WorkMeter& meter() { return *meter_; }

  // Called after each block of a pass, and by engines after other work of a
  // step: may take time, so that a rank is slow on purpose.
  void SetPace(std::function<void()> pace) { pace_ = std::move(pace); }
  void Pace() const {
    if (pace_) pace_();
  }
  // Called after each block of a pass; an error ends the pass.
  void SetInterrupt(std::function<absl::Status()> interrupt) {
    interrupt_ = std::move(interrupt);
  }

  // Which weights passes use from now on: other ones of the same layout
  // (zeroth-order probes), which outlive their use; and where rows of
  // embeddings come from, nullptr: from `params`.
  void UseWeights(const ParamStore* params, const RowSource* rows);
  void UseOwnWeights() { UseWeights(params_.get(), nullptr); }

 private:
  ModelRuntime() = default;
  absl::Status AfterBlock();

  ModelConfig model_;
  const ProcessGroups* groups_ = nullptr;
  uint64_t seed_ = 0;
  ParamLayout layout_;
  std::unique_ptr<ReplicaMemory> memory_;
  std::unique_ptr<ParamStore> params_;
  Matmul matmul_;
  ModelContext context_;
  std::unique_ptr<StageModel> stage_;
  std::unique_ptr<WorkMeter> meter_;
  std::function<void()> pace_;
  std::function<absl::Status()> interrupt_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_MODEL_RUNTIME_H_
