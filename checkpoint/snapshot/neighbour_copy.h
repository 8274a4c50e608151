#ifndef PERDURE_CHECKPOINT_SNAPSHOT_NEIGHBOUR_COPY_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_NEIGHBOUR_COPY_H_

// A node's file goes to the next node as well, so that losing one node loses
// none of it (after Gemini, SOSP 2023). Each rank sends what it wrote, out of
// the file, into the file of a rank of that node. Messages are under way while
// training goes on; who sends what to whom is a pure function of the plan.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/snapshot/file_map.h"
#include "checkpoint/snapshot/prepared_save.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"

namespace perdure {

class NeighbourCopy {
 public:
  // Of each writer, under way at a time: 64 MiB, which a fast network takes
  // within a step of training.
  static constexpr uint64_t kBatchBytes = uint64_t{64} << 20;
  // `comm` outlives it; only its own messages are on it meanwhile.
  NeighbourCopy(Communicator* comm, const std::vector<size_t>& node_of_rank,
                uint64_t batch_bytes = kBatchBytes);
  // What is under way then, in a run that ends with an error, stays posted
  // until the process ends.
  ~NeighbourCopy();

  // Whether there is another node at all.
  bool any() const { return nodes_.size() > 1; }
  // The node before this rank's, whose file comes here.
  size_t source() const { return source_; }

  // The files of both nodes are in `directory`, at full size, this node's
  // written. Not collective; only if it is OK on all ranks may Exchange follow.
  absl::Status Begin(const PreparedSave& prepared,
                     const std::string& directory);
  // On all ranks alike: waits for the messages that are under way, and sends
  // the next ones on their way.
  absl::Status Exchange();
  bool done() const { return messages_.empty(); }

 private:
  struct Message {
    bool send = false;
    int peer = 0;
    char* data = nullptr;
    uint64_t bytes = 0;
    size_t batch = 0;
  };
  void AddMessages(const PreparedSave& prepared, int writer, bool send,
                   int peer, char* file);

  Communicator& comm_;
  const size_t chunks_a_batch_;
  const std::vector<std::vector<int>> nodes_;  // their ranks
  size_t node_ = 0, source_ = 0;
  int to_ = 0;             // whom this rank sends to
  std::vector<int> from_;  // who send to this rank
  FileMap mine_, copy_;
  std::vector<Message> messages_;  // not yet done, by batch
  size_t batch_ = 0;               // under way, or the next
  std::vector<std::unique_ptr<CommRequest>> requests_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_NEIGHBOUR_COPY_H_
