#include "parallel/engine/first_order_engine.h"

#include <chrono>
#include <cmath>

#include "parallel/engine/evidence.h"
#include "parallel/engine/step_outcome.h"
#include "runtime/optim/schedule.h"

namespace perdure {

absl::StatusOr<std::unique_ptr<FirstOrderEngine>> FirstOrderEngine::Create(
    const RunConfig& config, int64_t max_rows, const ProcessGroups* groups,
    Device* device, Trace* trace) {
  std::unique_ptr<FirstOrderEngine> engine(
      new FirstOrderEngine(config, groups, trace));
  const TrainConfig& train = config.train();
  ModelRuntimeOptions options;
  options.dtype = ComputeDType(train);
  options.with_gradients = true;
  options.max_rows = max_rows;
  options.recompute = train.recompute();
  options.seed = train.seed();
  ASSIGN_OR_RETURN(
      engine->runtime_,
      ModelRuntime::Create(config.model(), options, groups, device, trace));
  engine->runtime_->Initialize();

  ModelRuntime* runtime = engine->runtime_.get();
  const ParamLayout& layout = runtime->layout();
  engine->owned_ = TrainedBy(layout, groups->topology.dp(), groups->me.dp);
  const bool split_state = config.optim().zero() > 0;
  engine->optimizer_ = std::make_unique<AdamWState>(
      runtime, config.optim(),
      split_state ? engine->owned_ : TrainedBy(layout, 1, 0));
  engine->optimizer_->SetMastersFromWeights();
  engine->state_ =
      std::make_unique<StateExport>(runtime, engine->optimizer_.get());
  engine->reducer_ =
      std::make_unique<GradientReducer>(runtime, &engine->owned_);
  engine->publisher_ = std::make_unique<WeightPublisher>(runtime);
  engine->executor_ =
      std::make_unique<PipelineExecutor>(&runtime->stage(), groups, trace);
  engine->passes_ = std::make_unique<GradientPasses>(config, groups, runtime,
                                                     engine->executor_.get());
  return engine;
}

std::string FirstOrderEngine::Judge(const BatchLoss& loss, double norm_squared,
                                    const RunState& run) const {
  if (!std::isfinite(norm_squared) && std::isfinite(loss.loss_sum)) {
    return "a gradient is not finite";
  }
  return JudgeLoss(config_.train(), loss, run);
}

absl::Status FirstOrderEngine::Update(const BatchLoss& loss, double grad_norm,
                                      const RunState& run,
                                      double learning_rate) {
  double scale = 1.0 / loss.weight_sum;
  const double clip = config_.optim().clip_norm();
  // As torch.nn.utils.clip_grad_norm_ does it.
  if (clip > 0 && grad_norm > clip) scale *= clip / (grad_norm + 1e-6);
  if (config_.optim().zero() == 0) RETURN_IF_ERROR(reducer_->GatherAll());
  {
    TraceScope trace(trace_, Trace::Lane::kCompute, "optimizer");
    optimizer_->Update(learning_rate, run.updates + 1, scale);
  }
  if (config_.optim().zero() == 0) return absl::OkStatus();
  TraceScope trace(trace_, Trace::Lane::kCommunication, "share weights");
  return publisher_->Publish();
}

absl::StatusOr<BatchLoss> FirstOrderEngine::Backpropagate(const Dataset& data,
                                                          const RunState& run,
                                                          int signal,
                                                          uint64_t* evidence) {
  std::optional<PassingWeightFault> fault;
  if (const auto spoil = TakeSpoil()) fault.emplace(runtime_.get(), *spoil);
  return passes_->Run(data, run, signal, evidence);
}

absl::StatusOr<uint64_t> FirstOrderEngine::Recompute(const Dataset& data,
                                                     const RunState& run) {
  uint64_t evidence = 0;
  RETURN_IF_ERROR(Backpropagate(data, run, /*signal=*/0, &evidence).status());
  RETURN_IF_ERROR(reducer_->Reduce().status());
  return evidence;
}

absl::StatusOr<StepRecord> FirstOrderEngine::Step(const Dataset& data,
                                                  RunState* run, int* signal) {
  const auto start = std::chrono::steady_clock::now();
  uint64_t evidence = 0;
  ASSIGN_OR_RETURN(
      const BatchLoss loss,
      Backpropagate(data, *run, *signal,
                    NeedsEvidence(run->step + 1) ? &evidence : nullptr));
  *signal = loss.signal;
  double norm_squared = 0;
  {
    TraceScope trace(trace_, Trace::Lane::kCommunication, "sum gradients");
    ASSIGN_OR_RETURN(norm_squared, reducer_->Reduce());
  }

  StepRecord record;
  record.step = run->step + 1;
  record.loss = loss.mean();
  record.tokens = static_cast<int64_t>(loss.weight_sum);
  record.learning_rate = LearningRate(config_.optim(), record.step);
  record.grad_norm = std::sqrt(norm_squared) / loss.weight_sum;
  record.samples_end = run->samples + config_.train().global_batch();
  const std::string reason = Judge(loss, norm_squared, *run);
  record.skipped = !reason.empty();
  RETURN_IF_ERROR(CheckStep(data, *run, record, evidence));
  if (record.skipped) {
    RETURN_IF_ERROR(CheckBadStep(config_.train(), record, reason, *run));
  } else {
    RETURN_IF_ERROR(Update(loss, record.grad_norm, *run, record.learning_rate));
  }
  runtime_->Pace();
  FinishStep(start, &record, run);
  return record;
}

absl::StatusOr<Evaluation> FirstOrderEngine::Evaluate(const Dataset& data,
                                                      int64_t sequences,
                                                      int signal) {
  return perdure::Evaluate(executor_.get(), &reader_, *groups_, data, sequences,
                           signal);
}

absl::Status FirstOrderEngine::Replay(absl::Span<const StepRecord>) {
  return absl::FailedPreconditionError(
      "a first-order step cannot be replayed: its gradient is in no journal; "
      "resume from a snapshot");
}

std::vector<StateRequest> FirstOrderEngine::Requests(bool weights_only) {
  std::vector<StateRequest> requests = runtime_->WeightRequests();
  if (!weights_only) {
    for (StateRequest& request :
         OptimizerRequests(runtime_.get(), optimizer_.get())) {
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

}  // namespace perdure
