#ifndef PERDURE_CHECKPOINT_JOURNAL_COPIES_H_
#define PERDURE_CHECKPOINT_JOURNAL_COPIES_H_

// On which nodes the journal of a run is. Rank 0's has it; where the nodes do
// not share the run directory, the first rank of a second node keeps a copy in
// its own.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/journal/journal.pb.h"
#include "checkpoint/journal/log_mirror.h"
#include "runtime/comm/communicator.h"

namespace perdure {

class JournalCopies {
 public:
  // Collective; makes rank 0's run directory if it is not there. Ranks with the
  // same host are on one node. `copies` as in JournalConfig: InvalidArgument if
  // there are to be two and there is one directory. Nothing is owned.
  static absl::StatusOr<std::unique_ptr<JournalCopies>> Find(
      Communicator& world, Storage& storage, absl::string_view run_dir,
      absl::string_view host, int copies);

  int copies() const { return keeper_ < 0 ? 1 : 2; }
  // "on HOST and HOST"; "" if there is one copy.
  std::string Describe() const;

  // The first rank of every node with a run directory of its own (but rank 0)
  // runs `fn`. Collective: an error of any comes back on all.
  absl::Status OnOtherNodes(const std::function<absl::Status()>& fn);

  // Collective. On return both copies have all that is left of the run's logs
  // on any node, see copies_plan.h.
  absl::Status Fetch();
  // Of the logs of all nodes; known to rank 0 after Fetch.
  int64_t highest_generation() const { return highest_generation_; }

  // Rank 0's, of two copies; else nullptr.
  LogMirror* mirror() { return mirror_.get(); }
  // The other's, on the rank that keeps it; else nullptr.
  LogKeeper* keeper() { return log_keeper_.get(); }

 private:
  JournalCopies(Communicator& world, Storage& storage,
                absl::string_view run_dir, absl::string_view host)
      : world_(world), storage_(storage), run_dir_(run_dir), host_(host) {}
  absl::Status FindNodes(const std::vector<std::string>& hosts);
  absl::Status Connect(const std::vector<std::string>& hosts);
  absl::StatusOr<JournalOffer> Offer();
  absl::Status FetchAmongNodes(const JournalOffer& mine);

  Communicator& world_;
  Storage& storage_;
  const std::string run_dir_;
  const std::string host_;
  // First ranks of nodes that have each a run directory of their own; rank 0
  // is the first.
  std::vector<int> nodes_;
  bool is_node_ = false;  // this rank is one of them
  int keeper_ = -1;       // its rank; -1: one copy
  std::string keeper_host_, writer_host_;
  int64_t highest_generation_ = 0;
  std::unique_ptr<Communicator> node_comm_;  // of nodes_, if is_node_
  std::unique_ptr<Communicator> pair_;       // of rank 0 and the keeper
  std::unique_ptr<LogMirror> mirror_;
  std::unique_ptr<LogKeeper> log_keeper_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_COPIES_H_
