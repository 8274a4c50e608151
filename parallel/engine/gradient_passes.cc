#include "parallel/engine/gradient_passes.h"

#include <algorithm>

#include "parallel/engine/evidence.h"
#include "parallel/engine/shares.h"
#include "parallel/pipeline/schedule.h"
#include "runtime/kernels/elementwise.h"

namespace perdure {
namespace {

// Loss and weight of a micro-batch, as ReduceLosses adds them.
void AddLosses(const SequenceLosses& losses, double* loss, double* weight) {
  for (double x : losses.loss) *loss += x;
  for (double x : losses.weight) *weight += x;
}

}  // namespace

int GradientGroups(const RunConfig& config, int dp) {
  return std::max(1, dp / (config.resilience().gradient_coding() + 1));
}

GradientPasses::GradientPasses(const RunConfig& config,
                               const ProcessGroups* groups,
                               ModelRuntime* runtime,
                               PipelineExecutor* executor)
    : config_(config),
      groups_(groups),
      runtime_(runtime),
      executor_(executor),
      reader_(config.train().micro_batch()),
      shares_(EvenShares(reader_.Count(config.train().global_batch()),
                         GradientGroups(config, groups->topology.dp()))) {
  if (config.resilience().gradient_coding() == 0) return;
  exchange_ = std::make_unique<TaskExchange>(groups->dp.get());
  runtime->SetInterrupt(
      [exchange = exchange_.get()] { return exchange->Interrupt(); });
}

int GradientPasses::GroupOf(int replica) const {
  const int count = static_cast<int>(shares_.size());
  int group = 0;
  while (EvenPart(groups_->topology.dp(), count, group).end <= replica) ++group;
  return group;
}

// Matrices are overwritten by the first micro-batch; vectors are always added
// to. A replica without micro-batches contributes zeros.
void GradientPasses::ZeroGradients(bool all) {
  for (const ParamSlot& slot : runtime_->layout().slots()) {
    if (slot.gradient_offset < 0) continue;
    if (all || !slot.spec.is_matrix()) {
      kernels::Fill(runtime_->context().stream, 0,
                    runtime_->params().SlotGrad(slot), slot.size);
    }
  }
}

absl::Status GradientPasses::Compute(const Dataset& data, const RunState& run,
                                     Range share,
                                     std::vector<SequenceLosses>* losses) {
  ASSIGN_OR_RETURN(
      std::vector<MicroBatch> micro_batches,
      reader_.Read(data, run.samples, config_.train().global_batch(), share));
  for (MicroBatch& micro : micro_batches) {
    micro.training = true;
    micro.step = run.step + 1;
  }
  ZeroGradients(/*all=*/micro_batches.empty());
  const int stages = groups_->topology.pp(), stage = groups_->me.pp;
  const int count = static_cast<int>(share.size());
  const Schedule schedule =
      config_.train().pipeline_schedule() == TrainConfig::GPIPE
          ? GPipeSchedule(stages, stage, count)
          : OneForwardOneBackwardSchedule(stages, stage, count);
  runtime_->meter().Begin();
  const absl::Status status = executor_->Run(schedule, micro_batches, losses);
  runtime_->meter().End();
  return status;
}

absl::StatusOr<BatchLoss> GradientPasses::RunCoded(const Dataset& data,
                                                   const RunState& run,
                                                   int signal) {
  const int count = static_cast<int>(shares_.size());
  std::vector<StepTask> tasks(shares_.size());
  for (int g = 0; g < count; ++g) {
    StepTask& task = tasks[static_cast<size_t>(g)];
    const Range members = EvenPart(groups_->topology.dp(), count, g);
    for (int64_t r = members.begin; r < members.end; ++r) {
      task.owners.push_back(static_cast<int>(r));
    }
    task.numbers = 2 * ShareOf(shares_, g).size();
  }
  TaskExchange::Options options;
  options.step = run.step + 1;
  options.coordinator = coordinator_;
  options.signal = signal;
  const auto compute = [&](int group, std::vector<double>* answer) {
    std::vector<SequenceLosses> losses;
    const absl::Status status =
        Compute(data, run, ShareOf(shares_, group), &losses);
    if (!status.ok()) executor_->Abandon();
    for (size_t m = 0; m < losses.size(); ++m) {
      AddLosses(losses[m], &(*answer)[2 * m], &(*answer)[2 * m + 1]);
    }
    return status;
  };
  ASSIGN_OR_RETURN(const TaskAnswers answers,
                   exchange_->Run(tasks, options, compute));
  const int me = groups_->me.dp;
  if (answers.winners[static_cast<size_t>(GroupOf(me))] != me) {
    ZeroGradients(/*all=*/true);
  }
  BatchLoss loss;
  loss.signal = answers.signal;
  for (const std::vector<double>& group : answers.numbers) {
    for (size_t i = 0; i < group.size(); i += 2) {
      loss.loss_sum += group[i];
      loss.weight_sum += group[i + 1];
    }
  }
  return loss;
}

absl::StatusOr<BatchLoss> GradientPasses::Run(const Dataset& data,
                                              const RunState& run, int signal,
                                              uint64_t* evidence) {
  if (coded()) return RunCoded(data, run, signal);
  const Range share = ShareOf(shares_, groups_->me.dp);
  std::vector<SequenceLosses> losses;
  RETURN_IF_ERROR(Compute(data, run, share, &losses));
  if (evidence != nullptr) {
    *evidence = EvidenceOf(losses) + EvidenceOfGradients(*runtime_);
  }
  return ReduceLosses(*groups_, losses, share,
                      reader_.Count(config_.train().global_batch()), signal);
}

}  // namespace perdure
