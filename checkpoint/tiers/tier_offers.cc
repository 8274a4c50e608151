#include "checkpoint/tiers/tier_offers.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "checkpoint/format/checksum.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

void AddEntry(SnapshotTier tier, const std::string& path, TierOffer* offer) {
  const absl::StatusOr<std::string> manifest =
      ReadFile(JoinPath(path, kManifestName));
  const auto reader = SnapshotReader::Open(path, SnapshotReader::kSomeFiles);
  if (!manifest.ok() || !reader.ok()) return;
  TierOffer::Entry* entry = offer->add_entries();
  entry->set_tier(static_cast<int32_t>(tier));
  entry->set_step((*reader)->run().step);
  entry->set_generation((*reader)->run().generation);
  entry->set_run_id((*reader)->run().run_id);
  entry->set_key(Checksum(manifest->data(), manifest->size()));
  uint32_t files = 0;
  for (size_t i = 0; i < (*reader)->file_entries().size(); ++i) {
    if (!IsStateFile((*reader)->file_entries()[i].name)) continue;
    ++files;
    if ((*reader)->holds(i)) entry->add_held(static_cast<uint32_t>(i));
  }
  entry->set_files(files);
}

struct Gathered {
  TierSnapshot snapshot;
  uint32_t files = 0;
  std::set<uint32_t> held;
};

}  // namespace

TierOffer OfferOfNode(const std::vector<TierPlace>& places) {
  TierOffer offer;
  for (const TierPlace& place : places) {
    const absl::StatusOr<std::vector<std::string>> paths =
        ListSnapshots(place.directory);
    if (!paths.ok()) continue;
    for (const std::string& path : *paths) {
      AddEntry(place.tier, path, &offer);
    }
  }
  return offer;
}

TierListing ListTiers(const std::vector<TierOffer>& offers) {
  std::map<std::pair<int32_t, uint64_t>, Gathered> by_key;
  for (size_t node = 0; node < offers.size(); ++node) {
    for (const TierOffer::Entry& entry : offers[node].entries()) {
      const auto [found, added] =
          by_key.try_emplace({entry.tier(), entry.key()});
      Gathered& gathered = found->second;
      if (added) {
        gathered.files = entry.files();
        gathered.snapshot = {static_cast<SnapshotTier>(entry.tier()),
                             entry.step(),
                             entry.generation(),
                             entry.run_id(),
                             entry.key(),
                             node};
      }
      gathered.held.insert(entry.held().begin(), entry.held().end());
    }
  }
  TierListing listing;
  for (auto& [key, gathered] : by_key) {
    (gathered.held.size() < gathered.files ? listing.incomplete
                                           : listing.complete)
        .push_back(std::move(gathered.snapshot));
  }
  for (auto* list : {&listing.complete, &listing.incomplete}) {
    std::sort(list->begin(), list->end(),
              [](const TierSnapshot& a, const TierSnapshot& b) {
                return std::tuple(-a.step, -a.generation, a.tier, a.key) <
                       std::tuple(-b.step, -b.generation, b.tier, b.key);
              });
  }
  return listing;
}

}  // namespace perdure
