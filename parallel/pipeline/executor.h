#ifndef PERDURE_PARALLEL_PIPELINE_EXECUTOR_H_
#define PERDURE_PARALLEL_PIPELINE_EXECUTOR_H_

// Runs a schedule on a stage: computes, and moves activations and gradients
// between neighbouring stages. Sends are asynchronous: a set of activations is
// used again only when its send is done.

#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "parallel/group/process_groups.h"
#include "parallel/model/stage_model.h"
#include "parallel/pipeline/schedule.h"
#include "runtime/metrics/trace.h"

namespace perdure {

class PipelineExecutor {
 public:
  // Neither model nor groups is owned. trace may be nullptr.
  PipelineExecutor(StageModel* model, const ProcessGroups* groups,
                   Trace* trace);

  // micro_batches[i] is the schedule's micro-batch i. On the last stage
  // losses[i] are its losses; elsewhere they are empty. `before_forward(i)` is
  // called before the forward pass of micro-batch i computes.
  absl::Status Run(
      const Schedule& schedule, const std::vector<MicroBatch>& micro_batches,
      std::vector<SequenceLosses>* losses,
      absl::FunctionRef<void(int)> before_forward = [](int) {});

  // After a Run that ended with an error on the only stage: what it was doing
  // is forgotten, so that another can follow.
  void Abandon();

 private:
  struct Set {
    StageActivations activations;
    bool trains = false;
    int micro_batch = -1;  // -1: free
    std::unique_ptr<CommRequest> sending;
  };

  absl::StatusOr<Set*> Acquire(int micro_batch, bool training);
  Set* Find(int micro_batch);
  absl::Status Perform(const Action& action, const MicroBatch& micro,
                       std::vector<SequenceLosses>* losses);
  absl::Status Receive(MatrixView into, int from, int tag);
  absl::Status StartSend(Set* set, MatrixView data, int to, int tag);
  absl::Status FinishSend(Set* set);

  StageModel* model_;
  const ProcessGroups* groups_;
  Trace* trace_;
  std::vector<std::unique_ptr<Set>> sets_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_PIPELINE_EXECUTOR_H_
