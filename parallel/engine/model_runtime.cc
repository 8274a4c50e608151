#include "parallel/engine/model_runtime.h"

#include "parallel/model/initialize.h"

namespace perdure {

absl::StatusOr<std::unique_ptr<ModelRuntime>> ModelRuntime::Create(
    const ModelConfig& model, const ModelRuntimeOptions& options,
    const ProcessGroups* groups, Device* device, Trace* trace) {
  std::unique_ptr<ModelRuntime> runtime(new ModelRuntime());
  runtime->model_ = model;
  runtime->groups_ = groups;
  runtime->seed_ = options.seed;
  runtime->layout_ = ParamLayout(model, groups->topology, groups->me);
  const ParamStore::Sizes sizes =
      ParamStore::SizesFor(runtime->layout_, options.dtype);
  ASSIGN_OR_RETURN(runtime->memory_,
                   ReplicaMemory::Allocate(sizes, options.with_gradients,
                                           *device, *groups->dp));
  const ReplicaMemory& memory = *runtime->memory_;
  const int mine = groups->me.dp;
  runtime->params_ = std::make_unique<ParamStore>(
      &runtime->layout_, options.dtype, memory.weights(mine),
      memory.vectors(mine),
      options.with_gradients ? memory.gradients(mine) : nullptr);

  ModelContext& context = runtime->context_;
  context.device = device;
  context.stream = device->stream();
  context.matmul = &runtime->matmul_;
  context.model = &runtime->model_;
  context.params = runtime->params_.get();
  context.tp = groups->tp.get();
  context.trace = trace;
  context.seed = options.seed;
  context.max_rows = options.max_rows;
  context.recompute = options.recompute;
  context.after_block = [self = runtime.get()] { return self->AfterBlock(); };
  runtime->meter_ = std::make_unique<WorkMeter>(groups);
  runtime->stage_ = std::make_unique<StageModel>(
      &context, StageBlocks(model, groups->topology.pp(), groups->me.pp));
  return runtime;
}

absl::Status ModelRuntime::AfterBlock() {
  meter_->CountBlock();
  Pace();
  return interrupt_ ? interrupt_() : absl::OkStatus();
}

void ModelRuntime::Initialize() {
  InitializeParams(context_.stream, seed_, params_.get());
}

void ModelRuntime::UseWeights(const ParamStore* params, const RowSource* rows) {
  context_.params = params;
  context_.rows = rows;
}

std::vector<StateRequest> ModelRuntime::WeightRequests() {
  std::vector<StateRequest> requests;
  for (const ParamSlot& slot : layout_.slots()) {
    StateRequest request;
    request.tensor =
        slot.spec.alias_of.empty() ? slot.spec.name : slot.spec.alias_of;
    request.kind = StateKind::kWeight;
    request.dtype = params_->SlotDType(slot);
    request.shape = slot.spec.shape;
    request.runs = ShardRuns(slot.spec, layout_.tp(), layout_.tp_rank());
    request.base = params_->SlotData(slot);
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace perdure
