#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_STEP_LOSSES_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_STEP_LOSSES_H_

// The losses of a step, computed by all replicas together. Without backups each
// replica computes its part and all exchange. With resilience.backup_probes the
// parts are tasks: who is done computes what others are late with, and a slow
// rank drops what is no longer needed. The same bits either way (design I5).

#include <memory>
#include <utility>
#include <vector>

#include "parallel/engine/micro_batch_reader.h"
#include "parallel/engine/model_runtime.h"
#include "parallel/tasks/task_exchange.h"
#include "parallel/zeroth_order/loss_table.h"
#include "parallel/zeroth_order/probe_runner.h"
#include "parallel/zeroth_order/probe_tasks.h"
#include "runtime/config/run.pb.h"
#include "runtime/state/train_state.h"

namespace perdure {

class StepLosses {
 public:
  // `runtime`, `runner` and `groups` outlive it.
  StepLosses(const RunConfig& config, const ProcessGroups* groups,
             ModelRuntime* runtime, ProbeRunner* runner);

  // Collective. Of step run.step + 1 with perturbations of `eps`: the table is
  // whole on ranks that have losses. *signal becomes the largest of all ranks.
  // With `evidence`, not with backups, also what this rank computed
  // (evidence.h).
  absl::Status Compute(const Dataset& data, const RunState& run, double eps,
                       LossTable* table, int* signal, uint64_t* evidence);
  // Whether losses come into being on this rank.
  bool HasLosses() const {
    return groups_->last_stage() && groups_->me.tp == 0;
  }
  const std::vector<Probe>& probes() const { return probes_; }
  // Of this rank's losses in the last step, as they were sent.
  int64_t sent_bytes() const { return sent_bytes_; }

  // See TrainEngine.
  void SetShares(const std::vector<int64_t>& counts) { shares_ = counts; }
  const std::vector<int64_t>& shares() const { return shares_; }
  void SetSpeeds(int coordinator, std::vector<double> speeds) {
    coordinator_ = coordinator;
    speeds_ = std::move(speeds);
  }

 private:
  struct Batch {
    const Dataset& data;
    const RunState& run;
    double eps;
  };

  // What a replica computes unasked.
  ProbePart PartOf(int replica) const;
  // The places of its losses.
  LossShare PlacesOf(const ProbePart& part) const;
  absl::Status ComputePart(const Batch& batch, const ProbePart& part,
                           LossTable* table, uint64_t* evidence);
  absl::Status ComputeAlone(const Batch& batch, LossTable* table, int* signal,
                            uint64_t* evidence);
  absl::Status ComputeTogether(const Batch& batch, LossTable* table,
                               int* signal);

  RunConfig config_;
  const ProcessGroups* groups_;
  ModelRuntime* runtime_;
  ProbeRunner* runner_;
  std::vector<Probe> probes_;
  MicroBatchReader reader_;
  std::vector<int64_t> shares_;
  int coordinator_ = 0;
  std::vector<double> speeds_;              // by replica
  std::unique_ptr<TaskExchange> exchange_;  // nullptr: without backups
  int64_t sent_bytes_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_STEP_LOSSES_H_
