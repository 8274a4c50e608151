#ifndef PERDURE_CHECKPOINT_TIERS_NODE_SNAPSHOTS_H_
#define PERDURE_CHECKPOINT_TIERS_NODE_SNAPSHOTS_H_

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/snapshot.h"
#include "checkpoint/tiers/tier_offers.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"

namespace perdure {

// The snapshots of a run that its nodes keep for themselves, found and opened
// by all ranks together.
class NodeSnapshots {
 public:
  // Collective: one gather. `node`: ranks that give the same name are on one
  // node. `world` and `storage` outlive it.
  static absl::StatusOr<NodeSnapshots> Find(Communicator& world,
                                            Storage& storage,
                                            absl::string_view node,
                                            std::vector<TierPlace> places);

  // Of `complete` any can be opened, the best is the first.
  const TierListing& listing() const { return listing_; }

  // Collective. Nodes that have nothing of the snapshot first get its manifest
  // and its small files. The same error on all ranks.
  absl::StatusOr<std::unique_ptr<Snapshot>> Open(const TierSnapshot& snapshot);
  // It is of no use: not to be listed any more.
  void Drop(const TierSnapshot& snapshot);

 private:
  NodeSnapshots(Communicator* world, Storage* storage,
                std::vector<TierPlace> places)
      : world_(world), storage_(storage), places_(std::move(places)) {}
  std::string PathOf(const TierSnapshot& snapshot) const;
  absl::Status Install(const TierSnapshot& snapshot, const TierHead& head);

  Communicator* world_;
  Storage* storage_;
  std::vector<TierPlace> places_;
  bool leads_ = false;            // this rank is the first of its node
  std::vector<int> first_ranks_;  // of nodes
  TierListing listing_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_TIERS_NODE_SNAPSHOTS_H_
