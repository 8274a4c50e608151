#include "parallel/zeroth_order/zeroth_order_engine.h"

#include <chrono>
#include <cmath>

#include "parallel/engine/evaluate.h"
#include "parallel/engine/step_outcome.h"
#include "runtime/optim/schedule.h"

namespace perdure {
namespace {

// An estimate as numbers, to be sent: all ranks know how many.
std::vector<double> Flatten(const StepEstimate& e) {
  std::vector<double> flat = {e.loss.loss_sum, e.loss.weight_sum,
                              e.grad_squared, e.error_squared};
  for (const auto* part : {&e.loss_plus, &e.loss_minus, &e.projected_grad}) {
    flat.insert(flat.end(), part->begin(), part->end());
  }
  flat.insert(flat.end(), e.coefficients.begin(), e.coefficients.end());
  return flat;
}

// `e` has its sizes.
void Unflatten(const std::vector<double>& flat, StepEstimate* e) {
  e->loss.loss_sum = flat[0];
  e->loss.weight_sum = flat[1];
  e->grad_squared = flat[2];
  e->error_squared = flat[3];
  auto next = flat.begin() + 4;
  for (auto* part : {&e->loss_plus, &e->loss_minus, &e->projected_grad}) {
    for (double& x : *part) x = *next++;
  }
  for (float& x : e->coefficients) x = static_cast<float>(*next++);
}

bool AllFinite(const StepEstimate& estimate) {
  for (float c : estimate.coefficients) {
    if (!std::isfinite(c)) return false;
  }
  return true;
}

// The record holds the means before the step.
void MoveMeans(const StepEstimate& estimate, StepRecord* record) {
  const double keep = record->grad_squared == 0 ? 0 : 0.95;
  const auto move = [keep](float* mean, double value) {
    *mean = static_cast<float>(keep * *mean + (1 - keep) * value);
  };
  move(&record->grad_squared, estimate.grad_squared);
  move(&record->error_squared, estimate.error_squared);
}

}  // namespace

ZerothOrderEngine::ZerothOrderEngine(const RunConfig& config,
                                     const ProcessGroups* groups, Trace* trace)
    : config_(config),
      groups_(groups),
      trace_(trace),
      reader_(config.train().micro_batch()) {}

absl::StatusOr<std::unique_ptr<ZerothOrderEngine>> ZerothOrderEngine::Create(
    const RunConfig& config, int64_t max_rows, const ProcessGroups* groups,
    Device* device, Trace* trace, const ZerothOrderKernels* kernels) {
  std::unique_ptr<ZerothOrderEngine> engine(
      new ZerothOrderEngine(config, groups, trace));
  const TrainConfig& train = config.train();
  ModelRuntimeOptions options;
  options.dtype = ComputeDType(train);
  options.max_rows = max_rows;
  options.seed = train.seed();
  ASSIGN_OR_RETURN(
      engine->runtime_,
      ModelRuntime::Create(config.model(), options, groups, device, trace));
  ModelRuntime* runtime = engine->runtime_.get();
  runtime->Initialize();

  PerturbedWeights::Options weights;
  weights.config = config.zeroth_order();
  weights.decays = config.optim().weight_decay() > 0;
  weights.seed = train.seed();
  weights.scope =
      groups->topology.pp() > 1 ? WindowScope::kStage : WindowScope::kBlock;
  weights.kernels = kernels;
  engine->weights_ = std::make_unique<PerturbedWeights>(runtime, weights);
  engine->state_ =
      std::make_unique<StateExport>(runtime, engine->weights_->masters());
  engine->executor_ =
      std::make_unique<PipelineExecutor>(&runtime->stage(), groups, trace);
  engine->runner_ = std::make_unique<ProbeRunner>(
      runtime, engine->weights_.get(), engine->executor_.get(), groups, trace);
  engine->losses_ = std::make_unique<StepLosses>(config, groups, runtime,
                                                 engine->runner_.get());
  return engine;
}

absl::Status ZerothOrderEngine::ComputeLosses(const Dataset& data,
                                              const RunState& run, double eps,
                                              LossTable* table, int* signal,
                                              uint64_t* evidence) {
  std::optional<PassingWeightFault> fault;
  if (const auto spoil = TakeSpoil()) {
    weights_->Flush();  // theta stays as it is until the fault has passed
    fault.emplace(runtime_.get(), *spoil);
  }
  return losses_->Compute(data, run, eps, table, signal, evidence);
}

absl::StatusOr<StepEstimate> ZerothOrderEngine::ShareEstimate(
    double learning_rate, double eps, const LossTable& table) {
  TraceScope scope(trace_, Trace::Lane::kCommunication, "share losses");
  // On ranks without losses this only has the right sizes.
  StepEstimate estimate =
      Estimate(config_.zeroth_order(), table, learning_rate, eps);
  std::vector<double> flat = Flatten(estimate);
  const uint64_t bytes = flat.size() * sizeof(double);
  if (groups_->last_stage() && groups_->tp->size() > 1) {
    RETURN_IF_ERROR(groups_->tp->Broadcast(flat.data(), bytes, 0));
  }
  if (groups_->pp->size() > 1) {
    RETURN_IF_ERROR(
        groups_->pp->Broadcast(flat.data(), bytes, groups_->pp->size() - 1));
  }
  Unflatten(flat, &estimate);
  return estimate;
}

StepRecord ZerothOrderEngine::MakeRecord(const StepEstimate& estimate,
                                         double learning_rate,
                                         const RunState& run) const {
  StepRecord record;
  record.step = run.step + 1;
  record.loss = estimate.loss.mean();
  record.tokens = static_cast<int64_t>(estimate.loss.weight_sum);
  record.learning_rate = learning_rate;
  record.samples_end = run.samples + config_.train().global_batch();
  record.loss_plus = estimate.loss_plus;
  record.loss_minus = estimate.loss_minus;
  record.projected_grad = estimate.projected_grad;
  record.grad_norm = std::sqrt(estimate.grad_squared);
  record.decay =
      static_cast<float>(1 - learning_rate * config_.optim().weight_decay());
  record.grad_squared = run.grad_squared;
  record.error_squared = run.error_squared;
  return record;
}

ZerothOrderUpdate ZerothOrderEngine::UpdateOf(const StepRecord& record) const {
  ZerothOrderUpdate update;
  update.step = record.step;
  update.kind = NoiseKindOf(config_.zeroth_order());
  update.coefficients = record.coefficients;
  update.decay = record.decay;
  update.skipped = record.skipped;
  return update;
}

double ZerothOrderEngine::EpsOf(double learning_rate) const {
  const ZerothOrderConfig& zeroth = config_.zeroth_order();
  return zeroth.eps_is_lr() ? learning_rate : zeroth.eps();
}

absl::StatusOr<uint64_t> ZerothOrderEngine::Recompute(const Dataset& data,
                                                      const RunState& run) {
  LossTable unused(static_cast<int>(losses_->probes().size()),
                   config_.train().global_batch());
  const double eps = EpsOf(LearningRate(config_.optim(), run.step + 1));
  int signal = 0;
  uint64_t evidence = 0;
  RETURN_IF_ERROR(ComputeLosses(data, run, eps, &unused, &signal, &evidence));
  return evidence;
}

std::vector<TensorDigest> ZerothOrderEngine::Digests() {
  weights_->Flush();
  return DigestReplica(runtime_.get(), weights_->masters());
}

absl::StatusOr<StepRecord> ZerothOrderEngine::Step(const Dataset& data,
                                                   RunState* run, int* signal) {
  const auto start = std::chrono::steady_clock::now();
  const double learning_rate = LearningRate(config_.optim(), run->step + 1);
  const double eps = EpsOf(learning_rate);
  const int64_t pp_before = groups_->pp->stats().bytes;
  const int64_t tp_before = groups_->tp->stats().bytes;
  LossTable table(static_cast<int>(losses_->probes().size()),
                  config_.train().global_batch());
  uint64_t evidence = 0;
  RETURN_IF_ERROR(
      ComputeLosses(data, *run, eps, &table, signal,
                    NeedsEvidence(run->step + 1) ? &evidence : nullptr));
  ASSIGN_OR_RETURN(const StepEstimate estimate,
                   ShareEstimate(learning_rate, eps, table));

  StepRecord record = MakeRecord(estimate, learning_rate, *run);
  std::string reason = JudgeLoss(config_.train(), estimate.loss, *run);
  if (reason.empty() && !AllFinite(estimate)) {
    reason = "a projected gradient is not finite";
  }
  record.skipped = !reason.empty();
  RETURN_IF_ERROR(CheckStep(data, *run, record, evidence));
  if (record.skipped) {
    RETURN_IF_ERROR(CheckBadStep(config_.train(), record, reason, *run));
  } else {
    record.coefficients = estimate.coefficients;
    // A rank that computed nothing has not taken the last one.
    weights_->Flush();
    weights_->Defer(UpdateOf(record));
    MoveMeans(estimate, &record);
  }
  if (losses_->HasLosses()) record.loss_bytes = losses_->sent_bytes();
  record.pp_bytes = groups_->pp->stats().bytes - pp_before;
  record.tp_bytes = groups_->tp->stats().bytes - tp_before;
  runtime_->Pace();
  FinishStep(start, &record, run);
  record.signal_to_noise = SignalToNoise(*run);
  return record;
}

absl::StatusOr<Evaluation> ZerothOrderEngine::Evaluate(const Dataset& data,
                                                       int64_t sequences,
                                                       int signal) {
  weights_->Flush();
  return perdure::Evaluate(executor_.get(), &reader_, *groups_, data, sequences,
                           signal);
}

absl::Status ZerothOrderEngine::Replay(absl::Span<const StepRecord> steps) {
  std::vector<ZerothOrderUpdate> updates;
  for (const StepRecord& step : steps) updates.push_back(UpdateOf(step));
  weights_->Replay(std::move(updates));
  return absl::OkStatus();
}

absl::Status ZerothOrderEngine::Give(StateSink* sink) {
  weights_->Flush();
  return state_->Give(sink);
}

std::vector<StateRequest> ZerothOrderEngine::Requests(bool weights_only) {
  std::vector<StateRequest> requests = runtime_->WeightRequests();
  if (weights_only || weights_->masters() == nullptr) return requests;
  for (StateRequest& request :
       OptimizerRequests(runtime_.get(), weights_->masters())) {
    requests.push_back(std::move(request));
  }
  return requests;
}

void ZerothOrderEngine::WeightsChanged() {
  if (weights_->masters() != nullptr) weights_->masters()->SetFromWeights();
}

}  // namespace perdure
