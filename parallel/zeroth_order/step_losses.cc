#include "parallel/zeroth_order/step_losses.h"

#include <algorithm>

#include "parallel/engine/accuracy.h"
#include "parallel/engine/evidence.h"
#include "parallel/engine/shares.h"

namespace perdure {
StepLosses::StepLosses(const RunConfig& config, const ProcessGroups* groups,
                       ModelRuntime* runtime, ProbeRunner* runner)
    : config_(config),
      groups_(groups),
      runtime_(runtime),
      runner_(runner),
      probes_(ProbesOf(config.zeroth_order())),
      reader_(config.train().micro_batch()),
      shares_(EvenShares(reader_.Count(config.train().global_batch()),
                         groups->topology.dp())) {
  if (!config.resilience().backup_probes()) return;
  exchange_ = std::make_unique<TaskExchange>(groups->replicas.get());
  runtime->SetInterrupt(
      [exchange = exchange_.get()] { return exchange->Interrupt(); });
}

ProbePart StepLosses::PartOf(int replica) const {
  const int pertp = groups_->topology.pertp();
  ProbePart part;
  part.probes =
      EvenPart(static_cast<int64_t>(probes_.size()), pertp, replica % pertp);
  part.micro_batches = ShareOf(shares_, replica / pertp);
  return part;
}

LossShare StepLosses::PlacesOf(const ProbePart& part) const {
  const int64_t sequences = config_.train().global_batch();
  const int64_t size = config_.train().micro_batch();
  LossShare share;
  share.probes = part.probes;
  share.sequences = {std::min(sequences, part.micro_batches.begin * size),
                     std::min(sequences, part.micro_batches.end * size)};
  // Who computes nothing knows no weights either.
  if (share.probes.size() == 0) share.sequences = {};
  return share;
}

absl::Status StepLosses::ComputePart(const Batch& batch, const ProbePart& part,
                                     LossTable* table, uint64_t* evidence) {
  std::vector<MicroBatch> micro_batches;
  if (part.probes.size() > 0) {
    ASSIGN_OR_RETURN(micro_batches, reader_.Read(batch.data, batch.run.samples,
                                                 config_.train().global_batch(),
                                                 part.micro_batches));
  }
  Perturbation base;
  base.kind = NoiseKindOf(config_.zeroth_order());
  base.step = static_cast<uint32_t>(batch.run.step + 1);
  base.scale = static_cast<float>(batch.eps);
  std::vector<SequenceLosses> losses;
  runtime_->meter().Begin();
  const absl::Status status = runner_->Run(GroupProbes(probes_, part.probes),
                                           base, micro_batches, &losses);
  runtime_->meter().End();
  RETURN_IF_ERROR(status);
  if (evidence != nullptr) *evidence = EvidenceOf(losses);
  if (!HasLosses()) return absl::OkStatus();
  const int64_t begin = PlacesOf(part).sequences.begin;
  const size_t count = micro_batches.size();
  for (size_t i = 0; i < losses.size(); ++i) {
    const int probe =
        static_cast<int>(part.probes.begin + static_cast<int64_t>(i / count));
    const size_t m = i % count;
    const perdure::Batch& rows = *micro_batches[m].batch;
    const SequenceLosses examples =
        rows.candidates > 1 ? CandidateLosses(rows, losses[i]) : losses[i];
    const int64_t first =
        begin + static_cast<int64_t>(m) * config_.train().micro_batch();
    for (size_t s = 0; s < examples.loss.size(); ++s) {
      const int64_t place = first + static_cast<int64_t>(s);
      table->loss(probe, place) = examples.loss[s];
      table->weight(place) = examples.weight[s];
    }
  }
  return absl::OkStatus();
}

absl::Status StepLosses::ComputeAlone(const Batch& batch, LossTable* table,
                                      int* signal, uint64_t* evidence) {
  RETURN_IF_ERROR(
      ComputePart(batch, PartOf(groups_->replica()), table, evidence));
  if (HasLosses()) {
    std::vector<LossShare> shares;
    for (int r = 0; r < groups_->replica_count(); ++r) {
      shares.push_back(PlacesOf(PartOf(r)));
    }
    sent_bytes_ = shares[static_cast<size_t>(groups_->replica())].bytes();
    RETURN_IF_ERROR(ExchangeLosses(*groups_->replicas, shares, table));
  }
  if (groups_->world->size() == 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(const double largest,
                   AllReduceScalar(*groups_->world, *signal, ReduceOp::kMax));
  *signal = static_cast<int>(largest);
  return absl::OkStatus();
}

absl::Status StepLosses::ComputeTogether(const Batch& batch, LossTable* table,
                                         int* signal) {
  std::vector<ProbePart> parts;
  std::vector<StepTask> tasks;
  for (int r = 0; r < groups_->replica_count(); ++r) {
    for (const ProbePart& part :
         CutPart(probes_, PartOf(r), config_.resilience().backup_pieces())) {
      parts.push_back(part);
      tasks.push_back({{r}, PlacesOf(part).bytes() / 8});
    }
  }
  TaskExchange::Options options;
  options.step = batch.run.step + 1;
  options.coordinator = coordinator_;
  options.speeds = speeds_;
  options.share = true;
  options.signal = *signal;
  const auto compute = [&](int task, std::vector<double>* answer) {
    const ProbePart& part = parts[static_cast<size_t>(task)];
    RETURN_IF_ERROR(ComputePart(batch, part, table, /*evidence=*/nullptr));
    PackLosses(PlacesOf(part), *table, answer);
    return absl::OkStatus();
  };
  const int64_t sent_before = groups_->replicas->stats().bytes;
  ASSIGN_OR_RETURN(const TaskAnswers answers,
                   exchange_->Run(tasks, options, compute));
  sent_bytes_ = groups_->replicas->stats().bytes - sent_before;
  for (size_t t = 0; t < parts.size(); ++t) {
    UnpackLosses(PlacesOf(parts[t]), answers.numbers[t], table);
  }
  *signal = answers.signal;
  return absl::OkStatus();
}

absl::Status StepLosses::Compute(const Dataset& data, const RunState& run,
                                 double eps, LossTable* table, int* signal,
                                 uint64_t* evidence) {
  const Batch batch = {data, run, eps};
  return exchange_ == nullptr ? ComputeAlone(batch, table, signal, evidence)
                              : ComputeTogether(batch, table, signal);
}

}  // namespace perdure
