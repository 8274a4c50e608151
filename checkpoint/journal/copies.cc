#include "checkpoint/journal/copies.h"

#include <random>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/journal/copies_plan.h"
#include "checkpoint/journal/copies_transfer.h"
#include "checkpoint/snapshot/results.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr int kAutomatic = 0;
constexpr int kOne = 1;

absl::Status NoSecondPlace(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "journal.copies: 2, but ", why,
      "; use more nodes, each with a run directory on its own disk, or "
      "journal.copies: 0"));
}

// The first rank of every host.
std::vector<int> FirstRanks(const std::vector<std::string>& hosts) {
  std::vector<int> ranks;
  std::set<std::string> seen;
  for (int rank = 0; rank < static_cast<int>(hosts.size()); ++rank) {
    if (seen.insert(hosts[rank]).second) ranks.push_back(rank);
  }
  return ranks;
}

// A file whose name nobody has ever asked for: no cache of a network file
// system can know that it is not there.
absl::StatusOr<std::string> MakeProbe(Storage& storage,
                                      const std::string& run_dir) {
  RETURN_IF_ERROR(storage.CreateDirectories(run_dir));
  std::random_device random;
  const std::string name =
      absl::StrFormat(".probe-%08x%08x", random(), random());
  RETURN_IF_ERROR(WriteNewFile(storage, JoinPath(run_dir, name), ""));
  RETURN_IF_ERROR(storage.SyncDirectory(run_dir));
  return name;
}

}  // namespace

absl::StatusOr<std::unique_ptr<JournalCopies>> JournalCopies::Find(
    Communicator& world, Storage& storage, absl::string_view run_dir,
    absl::string_view host, int copies) {
  std::unique_ptr<JournalCopies> found(
      new JournalCopies(world, storage, run_dir, host));
  if (copies == kOne) return found;
  ASSIGN_OR_RETURN(const std::vector<std::string> hosts,
                   AllGatherStrings(world, host));
  found->nodes_ = FirstRanks(hosts);
  if (found->nodes_.size() == 1) {
    if (copies != kAutomatic) return NoSecondPlace("all ranks are on one node");
    return found;
  }
  RETURN_IF_ERROR(found->FindNodes(hosts));
  if (found->keeper_ < 0) {
    if (copies != kAutomatic) {
      return NoSecondPlace("all nodes share the run directory");
    }
    return found;
  }
  RETURN_IF_ERROR(found->Connect(hosts));
  return found;
}

std::string JournalCopies::Describe() const {
  if (keeper_ < 0) return "";
  return absl::StrCat("on ", writer_host_, " and ", keeper_host_);
}

// Which first ranks do not see rank 0's run directory.
absl::Status JournalCopies::FindNodes(const std::vector<std::string>& hosts) {
  absl::StatusOr<std::string> probe = std::string();
  if (world_.rank() == 0) probe = MakeProbe(storage_, run_dir_);
  ASSIGN_OR_RETURN(const std::vector<std::string> probes,
                   ShareResults(world_, probe));
  const std::string path = JoinPath(run_dir_, probes[0]);
  // Opened, not looked for: a network file system then asks its server.
  const bool sees = File::Open(path, File::Mode::kRead).ok();
  ASSIGN_OR_RETURN(const std::vector<std::string> seen,
                   AllGatherStrings(world_, sees ? "yes" : "no"));
  absl::Status removed;
  if (world_.rank() == 0) removed = storage_.RemoveTree(path);
  RETURN_IF_ERROR(ShareResults(world_, removed.ok()
                                           ? absl::StatusOr<std::string>("")
                                           : removed)
                      .status());
  std::vector<int> own;
  for (const int rank : nodes_) {
    if (rank == 0 || seen[rank] == "no") own.push_back(rank);
    is_node_ = is_node_ || (rank == world_.rank() && own.back() == rank);
  }
  nodes_ = std::move(own);
  if (nodes_.size() < 2) return absl::OkStatus();
  keeper_ = nodes_[1];
  writer_host_ = hosts[0];
  keeper_host_ = hosts[keeper_];
  return absl::OkStatus();
}

absl::Status JournalCopies::Connect(const std::vector<std::string>& hosts) {
  const int rank = world_.rank();
  ASSIGN_OR_RETURN(node_comm_, world_.Split(is_node_ ? 0 : 1, rank, "nodes"));
  const bool in_pair = rank == 0 || rank == keeper_;
  ASSIGN_OR_RETURN(pair_, world_.Split(in_pair ? 0 : 1, rank, "journal"));
  if (rank == 0) {
    mirror_ = std::make_unique<LogMirror>(pair_.get(), hosts[keeper_]);
  } else if (in_pair) {
    log_keeper_ = std::make_unique<LogKeeper>(pair_.get(), &storage_, run_dir_);
  }
  return absl::OkStatus();
}

absl::Status JournalCopies::OnOtherNodes(
    const std::function<absl::Status()>& fn) {
  if (keeper_ < 0) return absl::OkStatus();
  absl::Status mine;
  if (is_node_ && world_.rank() != 0) mine = Annotate(fn(), host_);
  absl::Status common;
  RETURN_IF_ERROR(ShareStatus(world_, mine, &common));
  return common;
}

absl::StatusOr<JournalOffer> JournalCopies::Offer() {
  // Watched from before it is read.
  if (log_keeper_ != nullptr) RETURN_IF_ERROR(log_keeper_->Watch());
  return OfferOf(run_dir_, host_);
}

absl::Status JournalCopies::FetchAmongNodes(const JournalOffer& mine) {
  ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                   AllGatherStrings(*node_comm_, mine.SerializeAsString()));
  std::vector<JournalOffer> offers(texts.size());
  for (size_t node = 0; node < texts.size(); ++node) {
    if (!offers[node].ParseFromString(texts[node])) {
      return absl::InternalError("a node sent no JournalOffer");
    }
  }
  // The keeper is the second of nodes_.
  ASSIGN_OR_RETURN(const CopiesPlan plan, PlanCopies(offers, {0, 1}));
  highest_generation_ = plan.highest_generation;
  RETURN_IF_ERROR(
      Annotate(MoveLogs(*node_comm_, storage_, run_dir_, plan.moves), host_));
  for (const LogMove& move : plan.moves) {
    if (log_keeper_ != nullptr && move.to == node_comm_->rank()) {
      log_keeper_->Expect(move.generation, move.bytes);
    }
  }
  return absl::OkStatus();
}

absl::Status JournalCopies::Fetch() {
  if (keeper_ < 0) return absl::OkStatus();
  absl::StatusOr<JournalOffer> offer = JournalOffer();
  if (is_node_) offer = Offer();
  absl::Status common;
  RETURN_IF_ERROR(
      ShareStatus(world_, Annotate(offer.status(), host_), &common));
  RETURN_IF_ERROR(common);
  absl::Status mine;
  if (is_node_) mine = FetchAmongNodes(*offer);
  RETURN_IF_ERROR(ShareStatus(world_, mine, &common));
  return common;
}

}  // namespace perdure
