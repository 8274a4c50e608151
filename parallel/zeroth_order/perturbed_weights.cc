#include "parallel/zeroth_order/perturbed_weights.h"

#include <algorithm>

#include "glog/logging.h"
#include "runtime/device/device.h"

namespace perdure {
namespace {

// Elements of a task: some 10 us of noise, so that threads share evenly.
constexpr int64_t kTaskSize = 16384;

int Copies(const ZerothOrderConfig& config) {
  return config.estimator() == ZerothOrderConfig::CENTRAL ? 2 : 1;
}

TensorNoise NoiseOf(const ParamSpec& spec,
                    const PerturbedWeights::Options& options) {
  const std::string& name = spec.alias_of.empty() ? spec.name : spec.alias_of;
  TensorNoise noise;
  noise.direction = DirectionKey(options.seed, name);
  noise.rounding = RoundingKey(options.seed, name);
  noise.decays = options.decays && spec.decay;
  noise.rounding_mode = options.config.rounding() == ZerothOrderConfig::NEAREST
                            ? Rounding::kNearest
                            : Rounding::kStochastic;
  return noise;
}

}  // namespace

PerturbedWeights::PerturbedWeights(ModelRuntime* runtime,
                                   const Options& options)
    : runtime_(runtime),
      options_(options),
      windows_(&runtime->params(), runtime->context().device, options.scope,
               Copies(options.config)) {
  const ParamLayout& layout = runtime->layout();
  if (options.config.rounding() == ZerothOrderConfig::MASTERS &&
      runtime->params().dtype() != DType::kF32) {
    masters_ = std::make_unique<Masters>(runtime);
    masters_->SetFromWeights();
  }
  for (const ParamSlot& slot : layout.slots()) {
    noise_.push_back(NoiseOf(slot.spec, options));
  }
  blocks_.resize(static_cast<size_t>(runtime->model().layers() + 2));
  for (size_t b = 0; b < blocks_.size(); ++b) {
    blocks_[b] = TasksOf(static_cast<int>(b));
  }
  up_to_date_.assign(blocks_.size(), true);
  rows_ = std::make_unique<PerturbedRows>(runtime, options.kernels, &noise_,
                                          masters_.get());
}

void PerturbedWeights::AddTasks(const Task& like, std::vector<Task>* tasks) {
  const ParamLayout& layout = runtime_->layout();
  const ParamSlot& at = layout.slots()[like.slot];
  for (const ShardRun& run :
       ShardRuns(at.spec, layout.tp(), layout.tp_rank())) {
    for (int64_t begin = 0; begin < run.length; begin += kTaskSize) {
      Task task = like;
      task.begin = run.local_offset + begin;
      task.span.first = run.global_offset + begin;
      task.span.size = std::min(kTaskSize, run.length - begin);
      task.span.dtype = runtime_->params().SlotDType(at);
      task.span.weights = runtime_->params().SlotData(at, task.begin);
      task.span.master =
          masters_ == nullptr ? nullptr : masters_->At(at, task.begin);
      tasks->push_back(task);
    }
  }
}

std::vector<PerturbedWeights::Task> PerturbedWeights::TasksOf(int block) {
  std::vector<Task> tasks;
  const std::vector<ParamSlot>& slots = runtime_->layout().slots();
  for (size_t i = 0; i < slots.size(); ++i) {
    // A tied table is updated where it is looked up first, perturbed where it
    // is a matrix.
    Task like{i, {}, 0, false, false};
    like.updates = slots[i].spec.block == block && slots[i].spec.trainable;
    like.perturbs = windows_.holds(i) && windows_.BlockOf(i) == block;
    if (like.updates || like.perturbs) AddTasks(like, &tasks);
  }
  return tasks;
}

void PerturbedWeights::Defer(ZerothOrderUpdate update) {
  CHECK(pending_.empty());
  pending_.push_back(std::move(update));
  std::fill(up_to_date_.begin(), up_to_date_.end(), false);
}

void PerturbedWeights::Replay(std::vector<ZerothOrderUpdate> updates) {
  CHECK(pending_.empty());
  pending_ = std::move(updates);
  std::fill(up_to_date_.begin(), up_to_date_.end(), false);
  Flush();
}

void PerturbedWeights::Flush() {
  if (pending_.empty()) return;
  for (size_t b = 0; b < blocks_.size(); ++b) {
    if (!up_to_date_[b]) Prepare(static_cast<int>(b), nullptr);
  }
  pending_.clear();
}

void PerturbedWeights::Run(const Task& task,
                           absl::Span<const ZerothOrderUpdate> updates,
                           const DirectionRequest* request) const {
  const ParamSlot& slot = runtime_->layout().slots()[task.slot];
  if (!task.updates) updates = {};
  Perturbation perturbation;
  const Perturbation* wanted = nullptr;
  if (request != nullptr && task.perturbs) {
    perturbation = request->perturbation;
    // What is not trained but fused with what is: a plain copy.
    if (!slot.spec.trainable) perturbation.scale = 0;
    for (int sign : request->signs) {
      void* copy = windows_.Data(sign, task.slot, task.begin);
      (sign > 0 ? perturbation.plus : perturbation.minus) = copy;
    }
    wanted = &perturbation;
  }
  if (updates.empty() && wanted == nullptr) return;
  options_.kernels->apply(noise_[task.slot], updates, task.span, wanted);
}

void PerturbedWeights::Prepare(int block, const DirectionRequest* request) {
  const size_t b = static_cast<size_t>(block);
  const std::vector<Task>& tasks = blocks_[b];
  const bool update = pending() && !up_to_date_[b];
  const absl::Span<const ZerothOrderUpdate> updates =
      update ? absl::MakeConstSpan(pending_)
             : absl::Span<const ZerothOrderUpdate>();
  if (!update && request == nullptr) return;
  ParallelFor(runtime_->context().stream, static_cast<int64_t>(tasks.size()), 1,
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  Run(tasks[static_cast<size_t>(i)], updates, request);
                }
              });
  if (update) up_to_date_[b] = true;
}

void PerturbedWeights::Use(int sign, const DirectionRequest* request) {
  if (sign == 0) return runtime_->UseOwnWeights();
  rows_->Set(sign, request->perturbation);
  runtime_->UseWeights(&windows_.store(sign), rows_.get());
}

}  // namespace perdure
