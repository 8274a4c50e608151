#include "checkpoint/tiers/node_snapshots.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/nodes.h"
#include "checkpoint/snapshot/results.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

absl::StatusOr<std::string> EncodeHead(const std::string& path) {
  TierHead head;
  ASSIGN_OR_RETURN(*head.mutable_manifest(),
                   ReadFile(JoinPath(path, kManifestName)));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path));
  for (const std::string& name : names) {
    if (IsStateFile(name) || name == kManifestName) continue;
    TierHead::SideFile* file = head.add_side_files();
    file->set_name(name);
    ASSIGN_OR_RETURN(*file->mutable_content(), ReadFile(JoinPath(path, name)));
  }
  return head.SerializeAsString();
}

// Whether the directory is that snapshot's, as far as it is there.
bool IsOf(const std::string& path, uint64_t key) {
  const absl::StatusOr<std::string> manifest =
      ReadFile(JoinPath(path, kManifestName));
  return manifest.ok() && Checksum(manifest->data(), manifest->size()) == key;
}

}  // namespace

absl::StatusOr<NodeSnapshots> NodeSnapshots::Find(
    Communicator& world, Storage& storage, absl::string_view node,
    std::vector<TierPlace> places) {
  NodeSnapshots found(&world, &storage, std::move(places));
  ASSIGN_OR_RETURN(const std::vector<size_t> node_of_rank,
                   NodesOfRanks(world, node));
  for (const std::vector<int>& ranks : RanksOfNodes(node_of_rank)) {
    found.first_ranks_.push_back(ranks[0]);
  }
  found.leads_ = LeadsNode(node_of_rank, world.rank());
  const std::string mine =
      found.leads_ ? OfferOfNode(found.places_).SerializeAsString() : "";
  ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                   AllGatherStrings(world, mine));
  std::vector<TierOffer> offers(found.first_ranks_.size());
  for (size_t i = 0; i < offers.size(); ++i) {
    if (!offers[i].ParseFromString(
            texts[static_cast<size_t>(found.first_ranks_[i])])) {
      return absl::InternalError("a node sent no TierOffer");
    }
  }
  found.listing_ = ListTiers(offers);
  return found;
}

std::string NodeSnapshots::PathOf(const TierSnapshot& snapshot) const {
  const auto place =
      std::find_if(places_.begin(), places_.end(),
                   [&](const TierPlace& p) { return p.tier == snapshot.tier; });
  return JoinPath(JoinPath(place->directory, kSnapshotsDirectory),
                  SnapshotName(snapshot.step));
}

// On a node that has no part of the snapshot, or another one of that step.
absl::Status NodeSnapshots::Install(const TierSnapshot& snapshot,
                                    const TierHead& head) {
  const std::string path = PathOf(snapshot);
  if (IsOf(path, snapshot.key)) return absl::OkStatus();
  const std::string temporary =
      JoinPath(path.substr(0, path.rfind('/')),
               TemporaryName({snapshot.step, snapshot.generation}));
  RETURN_IF_ERROR(storage_->RemoveTree(temporary));
  RETURN_IF_ERROR(storage_->CreateDirectories(temporary));
  for (const TierHead::SideFile& file : head.side_files()) {
    RETURN_IF_ERROR(WriteNewFile(*storage_, JoinPath(temporary, file.name()),
                                 file.content()));
  }
  RETURN_IF_ERROR(WriteNewFile(*storage_, JoinPath(temporary, kManifestName),
                               head.manifest()));
  RETURN_IF_ERROR(storage_->RemoveTree(path));
  return storage_->Rename(temporary, path);
}

absl::StatusOr<std::unique_ptr<Snapshot>> NodeSnapshots::Open(
    const TierSnapshot& snapshot) {
  const auto from = static_cast<size_t>(first_ranks_[snapshot.first]);
  absl::StatusOr<std::string> mine = std::string();
  if (static_cast<size_t>(world_->rank()) == from) {
    mine = EncodeHead(PathOf(snapshot));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                   ShareResults(*world_, mine));
  TierHead head;
  if (!head.ParseFromString(texts[from])) {
    return absl::InternalError("a node sent no TierHead");
  }
  absl::Status common;
  RETURN_IF_ERROR(ShareStatus(
      *world_, leads_ ? Install(snapshot, head) : absl::OkStatus(), &common));
  RETURN_IF_ERROR(common);
  auto reader =
      SnapshotReader::Open(PathOf(snapshot), SnapshotReader::kSomeFiles);
  RETURN_IF_ERROR(ShareStatus(*world_, reader.status(), &common));
  RETURN_IF_ERROR(common);
  return std::unique_ptr<Snapshot>(*std::move(reader));
}

void NodeSnapshots::Drop(const TierSnapshot& snapshot) {
  std::erase_if(listing_.complete, [&](const TierSnapshot& s) {
    return s.tier == snapshot.tier && s.key == snapshot.key;
  });
}

}  // namespace perdure
