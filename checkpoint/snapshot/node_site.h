#ifndef PERDURE_CHECKPOINT_SNAPSHOT_NODE_SITE_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_NODE_SITE_H_

// Every node has a directory of its own, on its disk or in its memory: the
// first rank of the node makes it and gives it its name, when all nodes have
// theirs complete.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/background_task.h"
#include "checkpoint/snapshot/neighbour_copy.h"
#include "checkpoint/snapshot/save_site.h"
#include "runtime/comm/communicator.h"

namespace perdure {

struct NodeSiteOptions {
  SnapshotWriteOptions snapshot;  // run_dir: this node's
  std::vector<size_t> node_of_rank;
  bool neighbour_copies = false;
};

class NodeSite : public SaveSite {
 public:
  // `comm` outlives it.
  NodeSite(Communicator* comm, std::shared_ptr<Storage> storage,
           NodeSiteOptions options);
  ~NodeSite() override;

  absl::Status Stage(std::shared_ptr<const PreparedSave> prepared,
                     const RunState& run) override;
  void Drop() override;
  std::string Directory() const override;
  absl::Status Begin(const absl::Status& written,
                     std::vector<WrittenSums> sums) override;
  absl::Status Exchange() override;
  bool Wait(absl::Duration duration) const override;
  absl::StatusOr<bool> Next(CommitResult* result) override;
  void Abandon() override { abandoned_ = true; }

 private:
  // Rank 0 makes the manifest while files go to neighbours; every node
  // completes its directory; every node names it.
  enum class Phase { kCopying, kCompleting, kNaming, kDiscarding };
  using Result = absl::StatusOr<std::string>;

  absl::StatusOr<bool> EndOfCopying();
  absl::StatusOr<bool> EndOfCompleting();
  void Discard(const absl::Status& why);
  // On the first ranks of nodes.
  void Run(std::function<absl::Status()> work);
  Result TakeResult();
  std::vector<size_t> FilesHere() const;

  Communicator& comm_;
  const std::shared_ptr<Storage> storage_;
  const NodeSiteOptions options_;
  const size_t node_;
  bool leads_ = false;  // this rank is the first of its node
  std::optional<NeighbourCopy> copy_;

  // Of the save in flight.
  std::shared_ptr<const PreparedSave> prepared_;
  RunState run_;
  Phase phase_ = Phase::kCopying;
  bool exists_ = false;  // the temporary directory
  absl::Status failure_;
  std::unique_ptr<BackgroundTask<Result>> task_;
  bool abandoned_ = false;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_NODE_SITE_H_
