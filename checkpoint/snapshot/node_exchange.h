#ifndef PERDURE_CHECKPOINT_SNAPSHOT_NODE_EXCHANGE_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_NODE_EXCHANGE_H_

// Reading files that only some nodes hold: what a node needs and does not hold,
// one that does reads, checks and sends. Who sends what is a pure function of
// the manifest, of what the nodes need and of who holds which file; the last
// two take one gather each.

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/format/block_file.h"
#include "checkpoint/snapshot/load_plan.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"

namespace perdure {

// What was wrong with a rank's reading.
struct Findings {
  absl::Status status;             // the first error
  std::set<size_t> damaged_files;  // DataLoss was found there

  void Add(const absl::Status& error, size_t file) {
    status.Update(error);
    if (absl::IsDataLoss(error)) damaged_files.insert(file);
  }
};

class NodeExchange {
 public:
  // Collective over `world`. `node`: the ranks of it that read together.
  // `held`: which files this rank's node holds; `names`: the files', for
  // messages. All outlive it.
  static absl::StatusOr<std::unique_ptr<NodeExchange>> Create(
      Communicator& world, Communicator& node,
      const std::vector<BlockFile>& files, const std::vector<bool>& held,
      const std::vector<std::string>& names);

  // Collective. `needs`: of this rank's node. Returns how many rounds there
  // are; DataLoss, on all ranks, names a needed file that no node holds.
  absl::StatusOr<size_t> Plan(const std::vector<Need>& needs);
  bool IsHere(size_t file) const { return SourceOf(node_, file) == node_; }
  // Collective: fills in what this rank's window of the round, at `window`, has
  // of others, and sends to others what theirs have of this rank. *found: of
  // this rank's reading for them.
  absl::Status Round(size_t round, char* window, Findings* found);

 private:
  static constexpr size_t kNowhere = static_cast<size_t>(-1);

  NodeExchange(Communicator& world, const std::vector<BlockFile>& files,
               const std::vector<std::string>& names)
      : world_(world), files_(files), names_(names) {}
  // The node that a node gets a file from.
  size_t SourceOf(size_t node, size_t file) const;
  // The rank there that reads for this rank of the world.
  int ServerOf(size_t node, size_t file, int for_rank) const;
  absl::Status CheckHeld(const std::vector<Need>& needs) const;
  absl::Status Serve(size_t node, size_t rank, const Window& window,
                     Findings* found);

  Communicator& world_;
  const std::vector<BlockFile>& files_;
  const std::vector<std::string>& names_;
  size_t node_ = 0;  // this rank's
  size_t rank_in_node_ = 0;
  std::vector<std::vector<int>> ranks_;   // of the world, by node
  std::vector<std::vector<bool>> holds_;  // by node, by file
  std::vector<LoadPlan> plans_;           // by node
  std::vector<char> buffer_;              // what is sent
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_NODE_EXCHANGE_H_
