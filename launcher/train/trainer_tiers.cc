// Trainer: the snapshots that nodes keep for themselves.

#include <cstdio>

#include "checkpoint/snapshot/nodes.h"
#include "checkpoint/snapshot/results.h"
#include "launcher/train/trainer.h"

namespace perdure {

absl::Status Trainer::FindNodeSnapshots() {
  ASSIGN_OR_RETURN(NodeSnapshots found,
                   NodeSnapshots::Find(*world_, *storage_,
                                       environment_.session.host, places_));
  nodes_ = std::move(found);
  return absl::OkStatus();
}

absl::Status Trainer::RemoveNodeSnapshots(
    const std::function<bool(SnapshotTier)>& which) {
  ASSIGN_OR_RETURN(const std::vector<size_t> node_of_rank,
                   NodesOfRanks(*world_, environment_.session.host));
  absl::Status mine;
  for (const TierPlace& place : places_) {
    if (!LeadsNode(node_of_rank, world_->rank()) || !which(place.tier)) {
      continue;
    }
    mine.Update(RemoveTierDirectory(*storage_, place.directory));
  }
  absl::Status common;
  RETURN_IF_ERROR(ShareStatus(*world_, mine, &common));
  return common;
}

absl::Status Trainer::SaveInTiers() {
  if (tiers_ == nullptr) {
    tiers_ = std::make_unique<TierSavers>(world_, storage_, config_.snapshot(),
                                          places_, SaverOptions());
  }
  if (!tiers_->Due(run_.step)) return absl::OkStatus();
  // What a snapshot has is taken as right from then on.
  RETURN_IF_ERROR(engine_->CheckReplicas(run_.step));
  // No snapshot is ahead of the journal.
  RETURN_IF_ERROR(journal_.Sync());
  const PhaseScope phase(board(), Phase::kSave);
  TraceScope trace(&trace_, Trace::Lane::kCompute, "snapshot");
  RETURN_IF_ERROR(
      tiers_->Save(run_, engine_->SaveMap(),
                   [this](StateSink* sink) { return engine_->Give(sink); }));
  return TellTiers();
}

absl::Status Trainer::PrepareTiers() {
  if (tiers_ == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(tiers_->Prepare(run_.step));
  RETURN_IF_ERROR(tiers_->Poll());
  return TellTiers();
}

absl::Status Trainer::FinishTiers() {
  if (tiers_ == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(tiers_->Finish());
  return TellTiers();
}

// A save that failed does not stop training, unless a newer launch of the run
// has forestalled it: this one is to end.
absl::Status Trainer::TellTiers() {
  for (const TierSavers::Line& line : tiers_->TakeLines()) {
    if (absl::IsAlreadyExists(line.status)) return line.status;
    if (line.status.ok()) {
      Note(line.text);
    } else if (reports()) {
      std::fprintf(stderr, "perdure: warning: %s\n", line.text.c_str());
    }
  }
  return absl::OkStatus();
}

absl::Status Trainer::EndTiers() {
  RETURN_IF_ERROR(FinishTiers());
  return RemoveNodeSnapshots(
      [](SnapshotTier tier) { return tier == SnapshotTier::kMemory; });
}

}  // namespace perdure
