#include "parallel/pipeline/executor.h"

#include <algorithm>

#include "glog/logging.h"

namespace perdure {
namespace {

constexpr int kForwardTag = 1;
constexpr int kBackwardTag = 2;

}  // namespace

PipelineExecutor::PipelineExecutor(StageModel* model,
                                   const ProcessGroups* groups, Trace* trace)
    : model_(model), groups_(groups), trace_(trace) {}

absl::Status PipelineExecutor::Run(
    const Schedule& schedule, const std::vector<MicroBatch>& micro_batches,
    std::vector<SequenceLosses>* losses,
    absl::FunctionRef<void(int)> before_forward) {
  losses->assign(micro_batches.size(), {});
  for (const Action& action : schedule) {
    if (action.kind == ActionKind::kForward) before_forward(action.micro_batch);
    RETURN_IF_ERROR(
        Perform(action, micro_batches[static_cast<size_t>(action.micro_batch)],
                losses));
  }
  for (const std::unique_ptr<Set>& set : sets_) {
    RETURN_IF_ERROR(FinishSend(set.get()));
    CHECK_EQ(set->micro_batch, -1);
  }
  return absl::OkStatus();
}

void PipelineExecutor::Abandon() {
  for (const std::unique_ptr<Set>& set : sets_) set->micro_batch = -1;
}

absl::StatusOr<PipelineExecutor::Set*> PipelineExecutor::Acquire(
    int micro_batch, bool training) {
  Set* found = nullptr;
  for (const std::unique_ptr<Set>& set : sets_) {
    if (set->micro_batch < 0 && (set->trains || !training)) {
      found = set.get();
      // One that is not being sent costs no wait.
      if (set->sending == nullptr) break;
    }
  }
  if (found == nullptr) {
    sets_.push_back(std::make_unique<Set>());
    found = sets_.back().get();
    found->activations = model_->MakeActivations(training);
    found->trains = training;
  }
  RETURN_IF_ERROR(FinishSend(found));
  found->micro_batch = micro_batch;
  return found;
}

PipelineExecutor::Set* PipelineExecutor::Find(int micro_batch) {
  const auto found = std::find_if(sets_.begin(), sets_.end(),
                                  [&](const std::unique_ptr<Set>& set) {
                                    return set->micro_batch == micro_batch;
                                  });
  CHECK(found != sets_.end()) << "the schedule uses micro-batch " << micro_batch
                              << " before its forward pass";
  return found->get();
}

absl::Status PipelineExecutor::Receive(MatrixView into, int from, int tag) {
  TraceScope scope(trace_, Trace::Lane::kCommunication, "receive");
  ASSIGN_OR_RETURN(
      std::unique_ptr<CommRequest> request,
      groups_->pp->Receive(
          into.data, static_cast<uint64_t>(into.size() * SizeOf(into.dtype)),
          from, tag));
  return request->Wait();
}

absl::Status PipelineExecutor::StartSend(Set* set, MatrixView data, int to,
                                         int tag) {
  RETURN_IF_ERROR(FinishSend(set));
  ASSIGN_OR_RETURN(
      set->sending,
      groups_->pp->Send(data.data,
                        static_cast<uint64_t>(data.size() * SizeOf(data.dtype)),
                        to, tag));
  return absl::OkStatus();
}

absl::Status PipelineExecutor::FinishSend(Set* set) {
  if (set->sending == nullptr) return absl::OkStatus();
  TraceScope scope(trace_, Trace::Lane::kCommunication, "finish send");
  const absl::Status status = set->sending->Wait();
  set->sending = nullptr;
  return status;
}

absl::Status PipelineExecutor::Perform(const Action& action,
                                       const MicroBatch& micro,
                                       std::vector<SequenceLosses>* losses) {
  const int stage = groups_->me.pp;
  const int64_t n = micro.rows();
  const int m = action.micro_batch;
  switch (action.kind) {
    case ActionKind::kReceiveForward: {
      ASSIGN_OR_RETURN(Set * set, Acquire(m, micro.training));
      return Receive(set->activations.input(n), stage - 1, kForwardTag);
    }
    case ActionKind::kForward: {
      Set* set = nullptr;
      if (stage == 0) {
        ASSIGN_OR_RETURN(set, Acquire(m, micro.training));
      } else {
        set = Find(m);
      }
      TraceScope scope(trace_, Trace::Lane::kCompute, "forward", micro.index);
      RETURN_IF_ERROR(model_->Forward(micro, &set->activations));
      if (model_->has_head()) {
        (*losses)[static_cast<size_t>(m)] = set->activations.losses;
        if (!micro.training) set->micro_batch = -1;
      }
      return absl::OkStatus();
    }
    case ActionKind::kSendForward: {
      Set* set = Find(m);
      if (!micro.training) set->micro_batch = -1;
      return StartSend(set, set->activations.output(n), stage + 1, kForwardTag);
    }
    case ActionKind::kReceiveBackward:
      return Receive(Find(m)->activations.d(n), stage + 1, kBackwardTag);
    case ActionKind::kBackward: {
      Set* set = Find(m);
      TraceScope scope(trace_, Trace::Lane::kCompute, "backward", micro.index);
      RETURN_IF_ERROR(model_->Backward(micro, &set->activations));
      if (stage == 0) set->micro_batch = -1;
      return absl::OkStatus();
    }
    case ActionKind::kSendBackward: {
      Set* set = Find(m);
      set->micro_batch = -1;
      return StartSend(set, set->activations.d(n), stage - 1, kBackwardTag);
    }
  }
  return absl::OkStatus();
}

}  // namespace perdure
