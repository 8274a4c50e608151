#include "parallel/engine/train_engine.h"

namespace perdure {

absl::StatusOr<SavedPieces> TrainEngine::Pieces() {
  return CollectPieces(SaveMap(), runtime().groups().world->rank(),
                       [this](StateSink* sink) { return Give(sink); });
}

absl::Status TrainEngine::CheckStep(const Dataset& data, const RunState& run,
                                    const StepRecord& record,
                                    uint64_t evidence) {
  if (checks_ == nullptr) return absl::OkStatus();
  if (checks_->RepeatDue(record, record.skipped)) {
    ASSIGN_OR_RETURN(const uint64_t again, Recompute(data, run));
    RETURN_IF_ERROR(checks_->CompareRepeat(record.step, evidence, again));
  }
  return checks_->ReplicasDue(record.step) ? CheckReplicas(run.step)
                                           : absl::OkStatus();
}

absl::Status TrainEngine::CheckReplicas(int64_t state_step) {
  if (checks_ == nullptr || !checks_->compares_replicas()) {
    return absl::OkStatus();
  }
  return checks_->CompareReplicas(state_step, [this] { return Digests(); });
}

}  // namespace perdure
