#ifndef PERDURE_CHECKPOINT_TIERS_TIER_OFFERS_H_
#define PERDURE_CHECKPOINT_TIERS_TIER_OFFERS_H_

// Which snapshots the nodes together have all of. Pure, but for OfferOfNode.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/tiers/tier_directory.h"
#include "checkpoint/tiers/tiers.pb.h"
#include "runtime/base/status.h"

namespace perdure {

// A tier as a node sees it.
struct TierPlace {
  SnapshotTier tier = SnapshotTier::kMemory;
  std::string directory;  // of this run on this node, see TierDirectory
};

// What is in these directories. What is no whole snapshot is not offered.
TierOffer OfferOfNode(const std::vector<TierPlace>& places);

// A snapshot that nodes have parts of.
struct TierSnapshot {
  SnapshotTier tier = SnapshotTier::kMemory;
  int64_t step = 0;
  int64_t generation = 0;
  std::string run_id;
  uint64_t key = 0;  // of its manifest
  size_t first = 0;  // the first of the offers that has the manifest
};

struct TierListing {
  // Newest (highest step, then generation) first; of equal ones the faster
  // tier.
  std::vector<TierSnapshot> complete;
  std::vector<TierSnapshot> incomplete;  // in the same order
};
TierListing ListTiers(const std::vector<TierOffer>& offers);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_TIERS_TIER_OFFERS_H_
