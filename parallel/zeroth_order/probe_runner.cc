#include "parallel/zeroth_order/probe_runner.h"

#include <utility>

namespace perdure {
namespace {

DirectionRequest RequestOf(const ProbeGroup& group, const Perturbation& base) {
  DirectionRequest request;
  request.perturbation = base;
  request.perturbation.direction = static_cast<uint32_t>(group.direction);
  request.signs = group.signs;
  return request;
}

}  // namespace

ProbeRunner::ProbeRunner(ModelRuntime* runtime, PerturbedWeights* weights,
                         PipelineExecutor* executor,
                         const ProcessGroups* groups, Trace* trace)
    : runtime_(runtime),
      weights_(weights),
      groups_(groups),
      trace_(trace),
      executor_(executor) {}

absl::Status ProbeRunner::Run(const std::vector<ProbeGroup>& groups,
                              const Perturbation& base,
                              const std::vector<MicroBatch>& micro_batches,
                              std::vector<SequenceLosses>* losses) {
  std::vector<DirectionRequest> requests;
  size_t probes = 0;
  for (const ProbeGroup& group : groups) {
    requests.push_back(RequestOf(group, base));
    probes += group.signs.size();
  }
  losses->assign(probes * micro_batches.size(), {});
  absl::Status status;
  if (groups_->topology.pp() > 1) {
    status = RunPipelined(groups, requests, micro_batches, losses);
  } else if (!micro_batches.empty()) {
    SequenceLosses* next = losses->data();
    for (size_t g = 0; g < groups.size() && status.ok(); ++g) {
      const bool perturbs = groups[g].direction >= 0;
      status = RunBlockwise(groups[g], perturbs ? &requests[g] : nullptr,
                            micro_batches, next);
      next += groups[g].signs.size() * micro_batches.size();
    }
  }
  runtime_->UseOwnWeights();
  // A rank without probes takes the update all the same.
  weights_->Flush();
  return status;
}

absl::Status ProbeRunner::ForwardBlock(int64_t block, size_t unit,
                                       const MicroBatch& micro,
                                       SequenceLosses* losses) {
  StageModel& stage = runtime_->stage();
  const int64_t n = micro.rows();
  if (block == 0) {
    return stage.ForwardEmbedding(micro, streams_[unit].view().Rows(0, n));
  }
  const ConstMatrixView x = streams_[unit].view().Rows(0, n);
  if (block == stage.layers() + 1) return stage.ForwardHead(micro, x, losses);
  Tensor& spare = streams_.back();
  RETURN_IF_ERROR(
      stage.ForwardLayer(block - 1, micro, x, spare.view().Rows(0, n)));
  std::swap(streams_[unit], spare);
  return absl::OkStatus();
}

absl::Status ProbeRunner::RunBlockwise(
    const ProbeGroup& group, const DirectionRequest* request,
    const std::vector<MicroBatch>& micro_batches, SequenceLosses* losses) {
  const size_t units = group.signs.size() * micro_batches.size();
  while (streams_.size() < units + 1) {
    streams_.emplace_back(*runtime_->context().device, DType::kF32,
                          runtime_->context().max_rows,
                          runtime_->model().hidden());
  }
  for (int64_t block = 0; block < runtime_->model().layers() + 2; ++block) {
    {
      TraceScope scope(trace_, Trace::Lane::kCompute, "noise");
      weights_->Prepare(static_cast<int>(block), request);
    }
    TraceScope scope(trace_, Trace::Lane::kCompute, "block", block);
    size_t unit = 0;
    for (int sign : group.signs) {
      weights_->Use(sign, request);
      for (const MicroBatch& micro : micro_batches) {
        RETURN_IF_ERROR(ForwardBlock(block, unit, micro, losses + unit));
        ++unit;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status ProbeRunner::RunPipelined(
    const std::vector<ProbeGroup>& groups,
    const std::vector<DirectionRequest>& requests,
    const std::vector<MicroBatch>& micro_batches,
    std::vector<SequenceLosses>* losses) {
  struct Unit {
    size_t group;
    int sign;
  };
  std::vector<Unit> units;
  std::vector<MicroBatch> passes;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (int sign : groups[g].signs) {
      for (const MicroBatch& micro : micro_batches) {
        units.push_back({g, sign});
        passes.push_back(micro);
      }
    }
  }
  const int stages = groups_->topology.pp(), stage = groups_->me.pp;
  const Range blocks = StageBlocks(runtime_->model(), stages, stage);
  size_t prepared = groups.size();
  const auto before_forward = [&](int number) {
    const Unit& unit = units[static_cast<size_t>(number)];
    const DirectionRequest* request =
        groups[unit.group].direction >= 0 ? &requests[unit.group] : nullptr;
    if (unit.group != prepared) {
      TraceScope scope(trace_, Trace::Lane::kCompute, "noise");
      for (int64_t b = blocks.begin; b < blocks.end; ++b) {
        weights_->Prepare(static_cast<int>(b), request);
      }
      prepared = unit.group;
    }
    weights_->Use(unit.sign, request);
  };
  return executor_->Run(
      ForwardOnlySchedule(stages, stage, static_cast<int>(units.size())),
      passes, losses, before_forward);
}

}  // namespace perdure
